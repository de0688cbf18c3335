/** Gathers the static files that are deployed beside the Worker (see [assets] in wrangler.toml) from their packages. */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const TARGET = '.assets';
const SWAGGER_UI = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js'])
  await copyFile(join(SWAGGER_UI, file), join(TARGET, file));
