/**
 * express-gateway with its own key-auth and rate-limit, shared through Redis where there is one, and with its own answer
 * in place of a proxy, or with `upstream` its own proxy. Writes the key once it has made one.
 * `node express-gateway.mjs '{"dir","port","limit","redisPort"?,"upstream"?,"answer","path"}'`
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { dir, port, limit, redisPort, upstream, answer, path } = JSON.parse(process.argv[2]);
const require = createRequire(import.meta.url);
const program = dirname(require.resolve('express-gateway/package.json'));

const redis = redisPort ? { host: '127.0.0.1', port: redisPort, emulate: false } : { emulate: true };
const system = {
  db: { redis: { ...redis, namespace: 'EG' } },
  crypto: { cipherKey: 'benchmark', algorithm: 'aes256', saltRounds: 10 },
  session: { secret: 'benchmark', resave: false, saveUninitialized: false },
  accessTokens: { timeToExpiry: 7_200_000 },
  refreshTokens: { timeToExpiry: 7_200_000 },
  authorizationCodes: { timeToExpiry: 300_000 },
};
// Its delay begins with the second request of a window unless it is told not to.
const limiting = { max: limit, windowMs: 3_600_000, delayAfter: 0, delayMs: 0 };
const last = upstream
  ? { proxy: { action: { serviceEndpoint: 'upstream', changeOrigin: true } } }
  : { terminate: { action: { statusCode: 200, message: JSON.stringify(answer) } } };
const gateway = {
  http: { port, hostname: '127.0.0.1' },
  apiEndpoints: { api: { host: '*', paths: [path] } },
  ...(upstream && { serviceEndpoints: { upstream: { url: upstream } } }),
  policies: ['key-auth', 'rate-limit', ...Object.keys(last)],
  pipelines: {
    main: {
      apiEndpoints: ['api'],
      policies: [
        { 'key-auth': { action: { apiKeyHeader: 'x-api-key', apiKeyHeaderScheme: 'apiKey' } } },
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of express-gateway's
        { 'rate-limit': { action: { ...limiting, rateLimitBy: '${req.user.id}' } } },
        last,
      ],
    },
  },
};

const config = join(dir, 'config');
await mkdir(config, { recursive: true });
await cp(join(program, 'lib', 'config', 'models'), join(config, 'models'), { recursive: true });
await writeFile(join(config, 'system.config.json'), JSON.stringify(system));
await writeFile(join(config, 'gateway.config.json'), JSON.stringify(gateway));

await require('express-gateway')().load(config).run();
const { user, credential } = require('express-gateway/lib/services');
const { id } = await user.insert({ username: 'benchmark', firstname: 'a', lastname: 'b' });
const { keyId, keySecret } = await credential.insertCredential(id, 'key-auth', {});
console.log(`KEY apiKey ${keyId}:${keySecret}`);
