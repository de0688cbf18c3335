import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/**
 * `*.worker.test.ts` run inside workerd, each file with a database of its own (test/support); every other test is plain
 * Node. The end-to-end suite starts the
 * whole stack and has a configuration of its own (test/e2e).
 */
/** Suites over every operation that take minutes: `npm run test:slow`. */
const SLOW = ['test/observability/audit-verbs.worker.test.ts', 'test/contract/bad-input.worker.test.ts'];

const slow = process.env['SLOW'] !== undefined;

export default defineConfig({
  test: {
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.worker.test.ts', 'test/e2e/**', '**/node_modules/**'],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: './wrangler.toml' },
            remoteBindings: false,
            miniflare: { bindings: { LAB_URL: inject('labUrl'), REVOCATIONS: slow ? '100' : '10' } },
          })),
        ],
        test: {
          name: 'worker',
          include: ['test/**/*.worker.test.ts'],
          exclude: ['**/node_modules/**', ...(slow ? [] : SLOW)],
          globalSetup: ['test/support/lab/global-setup.ts'],
          setupFiles: ['test/support/own-database.ts'],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
