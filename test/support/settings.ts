import type { OwnStores } from './lab/client.ts';

/** The environment of a test deployment, as `env.ts` reads it. */
export const testSettings = (own: OwnStores): Record<string, string> => ({
  DATABASE_URL: own.databaseUrl,
  DATABASE_PROXY_URL: own.proxyUrl,
  UPSTASH_REDIS_REST_URL: own.redisUrl,
  UPSTASH_REDIS_REST_TOKEN: own.redisToken,
  JWT_SECRET: 'q9Xv2-tL4mZr8-Yb6nKc3-Ws1pHd7-Gf5jRu',
  ENCRYPTION_KEYS: `t1:${btoa('0123456789abcdefghijklmnopqrstuv')}`,
  BASE_URL: 'https://weir.test',
  ALLOWED_ORIGINS: 'https://console.weir.test',
  OUTBOUND_ALLOW: 'localhost,127.0.0.0/8,::1/128',
  TELEGRAM_BOT_TOKEN: '1:test',
  TELEGRAM_API_URL: 'http://127.0.0.1:9',
  AUTH_REGISTER_LIMIT: '100000',
  AUTH_LOGIN_LIMIT: '100000',
  DEFAULT_PLAN: 'enterprise',
});
