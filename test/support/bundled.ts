import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vitest/config';

const ROOT = join(import.meta.dirname, '../..');

/** Statements that load a package; what they name may stand on a line of its own, the last of several. */
const IMPORT = /^(?:import|export) (?!type )[^;']*from '([^.'][^']*)'/gm;

/** Of the platform, or loaded as they are. */
const NOT_BUNDLED = /^(?:node|cloudflare):|\.wasm$|^vitest$/;

/**
 * The packages that the Worker and its tests import, as they name them. Vite makes one file of each: a test file in
 * workerd asks for every module anew, one message each, and most of the 1,500 are the packages'.
 */
export function bundledPackages(): string[] {
  const files = globSync(['src/**/*.ts', 'test/**/*.worker.test.ts', 'test/support/*.ts'], {
    cwd: ROOT,
    exclude: ['**/node_modules/**'],
  });
  const named = files.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)].map(([, name = '']) => name),
  );
  return [...new Set(named)].filter((name) => !NOT_BUNDLED.test(name)).sort();
}

/** Nobody steps through a package, and its source map, sent with it to every test file, is larger than itself. */
export const withoutMaps: Plugin = {
  name: 'packages-without-source-maps',
  enforce: 'post',
  transform: (code, id) => (id.includes('/deps_ssr/') ? { code, map: { mappings: '' } } : undefined),
};
