import { defineConfig } from 'vitest/config';

/** The whole stack as a newcomer starts it, on ports and folders of its own. One file at a time: each starts a stack. */
export default defineConfig({
  test: {
    name: 'e2e',
    include: ['test/e2e/*.test.ts', 'test/e2e/gateway/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
