import { availableParallelism } from 'node:os';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { bundledPackages, withoutMaps } from './test/support/bundled.ts';

/**
 * `*.worker.test.ts` run inside workerd, each file with a database and a Redis of its own (test/support); every other
 * test is plain Node. The end-to-end suite starts the whole stack and has a configuration of its own (test/e2e).
 */
/** Suites that take half a minute and more, over every operation or of many races: `npm run test:slow`. */
const SLOW = [
  'test/contract/bad-input.worker.test.ts',
  'test/identity/agents-transfers.worker.test.ts',
  'test/identity/auth-lock.worker.test.ts',
  'test/identity/auth-network.worker.test.ts',
  'test/identity/members.worker.test.ts',
  'test/identity/members-keys.worker.test.ts',
  'test/identity/members-races.worker.test.ts',
  'test/observability/audit-verbs.worker.test.ts',
  'test/quota/rate-limits.worker.test.ts',
  'test/triggers/follows/follows.worker.test.ts',
  'test/triggers/replays/replays.worker.test.ts',
  'test/triggers/rules/bounds.worker.test.ts',
];

/** One that is run in both, with more revocations in the slow one. */
const REVOCATIONS = 'test/identity/api-keys-use.worker.test.ts';

const slow = process.env['SLOW'] !== undefined;

/** A test file in workerd is sent all of its modules anew. */
const MINIFIED = { output: { minify: true } };

export default defineConfig({
  test: {
    silent: 'passed-only',
    // Vitest leaves one core to itself, which on two cores is half of the machine: it is idle while tests run.
    maxWorkers: availableParallelism(),
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
          withoutMaps,
          cloudflareTest(({ inject }) => ({
            wrangler: { configPath: './wrangler.toml' },
            remoteBindings: false,
            miniflare: { bindings: { LAB_URL: inject('labUrl'), REVOCATIONS: slow ? '100' : '10' } },
          })),
        ],
        test: {
          name: 'worker',
          include: slow ? [...SLOW, REVOCATIONS] : ['test/**/*.worker.test.ts'],
          exclude: ['**/node_modules/**', ...(slow ? [] : SLOW)],
          globalSetup: ['test/support/lab/global-setup.ts'],
          setupFiles: ['test/support/own-stores.ts'],
          deps: { optimizer: { ssr: { enabled: true, include: bundledPackages(), rolldownOptions: MINIFIED } } },
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
