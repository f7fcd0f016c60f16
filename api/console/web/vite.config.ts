import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The Go server that answers /v1 and the playback paths while `npm run dev` serves the pages.
const backend = process.env.SLUICE_URL ?? 'http://127.0.0.1:8080';
const proxied = ['/v1', '/hls', '/dash', '/mp4', '/thumb', '/captions', '/metrics'];

export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    // What the bundle is made of goes with it, as its licences ask.
    license: { fileName: 'licenses.md' },
    // Everything comes from the binary, so one request more costs little; data: URLs would widen the content policy.
    assetsInlineLimit: 0,
    // hls.js and Shaka Player are each fetched only when a page plays with them; all else is one file that browsers keep.
    chunkSizeWarningLimit: 1000,
  },
  server: { host: '127.0.0.1', proxy: Object.fromEntries(proxied.map((path) => [path, backend])) },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
