import { defineConfig } from 'vitest/config';

/** What takes the whole stack half a minute or more: hostility, load, and bodies of a gigabyte. */
export default defineConfig({
  test: {
    name: 'gateway-slow',
    include: ['test/e2e/gateway/slow/*.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
