import { defineConfig } from 'vite';

// By default the cache would lie in the installed packages, which all projects share.
export default defineConfig({ cacheDir: '.vite', server: { host: '127.0.0.1', port: 0, watch: null, hmr: false } });
