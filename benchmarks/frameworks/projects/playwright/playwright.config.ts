import { defineConfig, devices } from '@playwright/test';

export default defineConfig({
  testDir: './specs',
  projects: [
    { name: 'chromium', use: { ...devices['Desktop Chrome'] } },
    { name: 'phone', use: { ...devices['Pixel 5'] } },
  ],
});
