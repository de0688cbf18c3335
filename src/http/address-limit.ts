import { Ratelimit } from '@upstash/ratelimit';
import type { Redis } from '@upstash/redis/cloudflare';
import type { MiddlewareHandler } from 'hono';
import { AppError } from '../kernel/errors.ts';
import { limitAddress } from './address.ts';
import type { AppEnv } from './app-env.ts';

const WINDOW_SECONDS = 3_600;
const TIMEOUT_MS = 1_000;

/**
 * Allows `limit` requests an hour and address, counted in Redis. When Redis does not answer in time the request is let
 * through: a lock-out of everyone would be worse than an hour without this limit.
 */
export function limitByAddress(redis: Redis, name: string, limit: number): MiddlewareHandler<AppEnv> {
  const limiter = new Ratelimit({
    redis,
    prefix: `weir:limit:${name}`,
    limiter: Ratelimit.fixedWindow(limit, `${WINDOW_SECONDS} s`),
    timeout: TIMEOUT_MS,
  });
  return async function addressLimit(c, next) {
    const verdict = await limiter.limit(limitAddress(c.req.raw.headers)).catch(() => undefined);
    if (!verdict || verdict.reason === 'timeout') {
      c.get('log').warn('limit.degraded', { limit: name, request_id: c.get('requestId') });
    } else if (!verdict.success) {
      const retryAfter = Math.max(1, Math.ceil((verdict.reset - Date.now()) / 1_000));
      throw new AppError('RATE_LIMITED', `Too many attempts from this address. Try again in ${retryAfter} seconds.`, {
        rateLimit: { retryAfter, limit, window: WINDOW_SECONDS, resetAt: verdict.reset },
      });
    }
    await next();
  };
}
