import { Redis } from '@upstash/redis/cloudflare';

/** Milliseconds for one request. */
const PATIENCE = 1_000;

/** Redis over HTTP (Upstash's REST protocol). Holds only what may be lost: limits, caches, short-lived nonces. */
export const connectRedis = (settings: { url: string; token: string }): Redis =>
  new Redis({
    ...settings,
    retry: { retries: 1, backoff: () => 50 },
    // Whatever is asked of it can be done without: nobody waits for a Redis that does not answer.
    signal: () => AbortSignal.timeout(PATIENCE),
    enableTelemetry: false,
  });
