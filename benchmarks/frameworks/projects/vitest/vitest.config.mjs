import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: '.vite',
  // A slower test would be printed in another way.
  test: { include: ['specs/*.spec.ts'], slowTestThreshold: 300_000 },
});
