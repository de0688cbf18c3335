import type { MiddlewareHandler } from 'hono';
import type { LimitFigures, QuotaStatus } from '../access/admission.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, type RateLimitRefusal } from '../kernel/errors.ts';
import type { AppEnv } from './app-env.ts';
import type { HeaderFields } from './header-fields.ts';

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
    const refusal = c.error instanceof AppError ? c.error.rateLimit : undefined;
    // On the answer itself: Hono's own setter copies a finished answer once for every field.
    if (status || refusal) tellQuota(c.res.headers, status, refusal, clock().getTime());
  };

/** Writes the fields: of what the request was measured by, if it was, and of what refused it, if anything did. */
export function tellQuota(
  headers: HeaderFields,
  status: QuotaStatus | undefined,
  refusal: RateLimitRefusal | undefined,
  now: number,
): void {
  if (refusal) tellRefusal(headers, refusal);
  else if (status) tellHour(headers, status);
  if (!status) return;
  headers.set('RateLimit-Policy', listOf(status, policyItem));
  headers.set(
    'RateLimit',
    listOf(status, (figures) => limitItem(figures, now)),
  );
  if (status.degraded) headers.set('X-RateLimit-Status', 'degraded');
}

const seconds = (milliseconds: number) => Math.ceil(milliseconds / 1_000);

function tellHour(headers: HeaderFields, { limits: [hour] }: QuotaStatus): void {
  headers.set('X-RateLimit-Limit', String(hour.limit));
  headers.set('X-RateLimit-Remaining', String(hour.remaining));
  headers.set('X-RateLimit-Reset', String(seconds(hour.resetAt)));
  headers.set('X-RateLimit-Window', String(hour.windowSeconds));
}

function tellRefusal(headers: HeaderFields, { limit, window, resetAt }: RateLimitRefusal): void {
  headers.set('X-RateLimit-Limit', String(limit));
  headers.set('X-RateLimit-Remaining', '0');
  headers.set('X-RateLimit-Reset', String(seconds(resetAt)));
  headers.set('X-RateLimit-Window', String(window));
}

const listOf = ({ limits }: QuotaStatus, item: (figures: LimitFigures) => string) =>
  limits.length === 1 ? item(limits[0]) : limits.map(item).join(', ');

const policyItem = ({ name, limit, windowSeconds }: LimitFigures) => `"${name}";q=${limit};w=${windowSeconds}`;

const limitItem = ({ name, remaining, resetAt }: LimitFigures, now: number) =>
  `"${name}";r=${remaining};t=${Math.max(0, seconds(resetAt - now))}`;
