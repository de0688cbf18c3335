import { defineConfig } from 'vitest/config';

/** The whole stack, killed again and again: minutes, so it has a command of its own. */
export default defineConfig({
  test: {
    name: 'chaos',
    include: ['test/e2e/chaos/*.test.ts'],
    fileParallelism: false,
    hookTimeout: 1_800_000,
  },
});
