/** Portkey's gateway as it is published, on a port. `node portkey.mjs '{"port"}'` */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { port } = JSON.parse(process.argv[2]);
const require = createRequire(import.meta.url);
const program = dirname(require.resolve('@portkey-ai/gateway/package.json'));
process.env.TRUSTED_CUSTOM_HOSTS = '127.0.0.1,localhost';
process.argv = [...process.argv.slice(0, 2), `--port=${port}`, '--headless'];
await import(join(program, 'build', 'start-server.js'));
