import { Redis } from '@upstash/redis/cloudflare';

/** Redis over HTTP (Upstash's REST protocol). Holds only what may be lost: limits, caches, short-lived nonces. */
export const connectRedis = (settings: { url: string; token: string }): Redis =>
  new Redis({ ...settings, retry: { retries: 1, backoff: () => 50 }, enableTelemetry: false });
