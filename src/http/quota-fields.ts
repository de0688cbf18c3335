import type { MiddlewareHandler } from 'hono';
import type { LimitFigures, QuotaStatus } from '../access/admission.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, type RateLimitRefusal } from '../kernel/errors.ts';
import type { AppEnv } from './app-env.ts';

/** The fields that tell of limits, for scripts of other origins to read. */
export const QUOTA_FIELDS = [
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-RateLimit-Status',
  'X-RateLimit-Window',
] as const;

/**
 * Tells of the limits on every metered answer: the contract's own `X-RateLimit-…` fields of the hourly window, or on a
 * 429 of the limit that refused; and `RateLimit` and `RateLimit-Policy` of all limits that hold
 * (draft-ietf-httpapi-ratelimit-headers-10).
 */
export const withQuotaFields = (clock: Clock): MiddlewareHandler<AppEnv> =>
  async function quotaFields(c, next) {
    await next();
    const status = c.get('quota');
    const now = clock().getTime();
    const refusal = c.error instanceof AppError ? c.error.rateLimit : undefined;
    const own = refusal ? refusedFields(refusal) : status && grantedFields(status);
    // On the answer itself: Hono's own setter copies a finished answer once for every field.
    const { headers } = c.res;
    for (const [name, value] of Object.entries(own ?? {})) headers.set(name, String(value));
    if (!status) return;
    headers.set('RateLimit-Policy', status.limits.map(policyItem).join(', '));
    headers.set('RateLimit', status.limits.map((figures) => limitItem(figures, now)).join(', '));
    if (status.degraded) headers.set('X-RateLimit-Status', 'degraded');
  };

const seconds = (milliseconds: number) => Math.ceil(milliseconds / 1_000);

const grantedFields = ({ limits: [hour] }: QuotaStatus) => ({
  'X-RateLimit-Limit': hour.limit,
  'X-RateLimit-Remaining': hour.remaining,
  'X-RateLimit-Reset': seconds(hour.resetAt),
  'X-RateLimit-Window': hour.windowSeconds,
});

const refusedFields = ({ limit, window, resetAt }: RateLimitRefusal) => ({
  'X-RateLimit-Limit': limit,
  'X-RateLimit-Remaining': 0,
  'X-RateLimit-Reset': seconds(resetAt),
  'X-RateLimit-Window': window,
});

const policyItem = ({ name, limit, windowSeconds }: LimitFigures) => `"${name}";q=${limit};w=${windowSeconds}`;

const limitItem = ({ name, remaining, resetAt }: LimitFigures, now: number) =>
  `"${name}";r=${remaining};t=${Math.max(0, seconds(resetAt - now))}`;
