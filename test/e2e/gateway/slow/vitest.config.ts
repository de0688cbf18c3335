import { defineConfig } from 'vitest/config';

/** Bodies of a gigabyte through the whole stack, with a command of its own. */
export default defineConfig({
  test: {
    name: 'gateway-slow',
    include: ['test/e2e/gateway/slow/*.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
