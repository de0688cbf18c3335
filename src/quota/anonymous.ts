import { Ratelimit } from '@upstash/ratelimit';
import type { Redis } from '@upstash/redis/cloudflare';
import type { Admission, Charge, LimitFigures, Tell } from '../access/admission.ts';
import { ANONYMOUS_PLAN } from '../billing/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeError } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { WINDOW_MS } from './state.ts';
import { refusalError } from './verdict.ts';

export interface AnonymousDeps {
  redis: Redis;
  clock: Clock;
  log: Logger;
  /** How long Redis is waited for, in milliseconds. */
  patience?: number;
}

/** Longer than Redis takes in the same region; a caller without a credential is not kept for it. */
const PATIENCE = 200;

/** Addresses that an isolate counts by itself while Redis does not answer. */
const MAX_ADDRESSES = 10_000;

/** A limit of callers without a credential, by address. */
export interface AddressLimit {
  /** Tells it apart from the others in Redis. */
  prefix: string;
  /** As answers call it. */
  name: string;
  units: number;
  windowMs: number;
}

/** @throws AppError `RATE_LIMITED` */
export type AdmitByAddress = (address: string, units: number, tell: Tell) => Promise<Admission>;

/** The quota of callers without a credential. */
export function anonymousQuota(deps: AnonymousDeps) {
  const { unitsPerHour, maxTier } = ANONYMOUS_PLAN;
  const limit = { prefix: 'weir:anonymous', name: 'hour', units: unitsPerHour, windowMs: WINDOW_MS };
  const admit = addressQuota(deps, limit);
  /** @throws AppError `RATE_LIMITED`; `TIER_NOT_IN_PLAN` */
  return async function admitAddress(address: string, { units, tier }: Charge, tell: Tell): Promise<Admission> {
    if (tier > maxTier) throw refusalError({ ok: false, refused: 'tier' });
    return admit(address, units, tell);
  };
}

/**
 * Units by address, counted in Redis. The bucket is filled up at once when its window is over, which begins with the
 * first request; unlike the library's windows it takes nothing from a request that it refuses. While Redis does not
 * answer in time, which the library tells as a success for the reason `timeout`, each isolate counts for itself.
 */
export function addressQuota(
  { redis, clock, log, patience = PATIENCE }: AnonymousDeps,
  by: AddressLimit,
): AdmitByAddress {
  const limiter = new Ratelimit({
    redis,
    prefix: by.prefix,
    limiter: Ratelimit.tokenBucket(by.units, `${by.windowMs} ms`, by.units),
    timeout: patience,
    ephemeralCache: false,
  });
  const fallback = addressCounts(by);

  async function ask(address: string, units: number) {
    try {
      const answer = await limiter.limit(address, { rate: units });
      return answer.reason === 'timeout' ? undefined : answer;
    } catch (error) {
      log.warn('quota.redis_failed', { error: describeError(error) });
      return undefined;
    }
  }

  const figures = (remaining: number, resetAt: number): LimitFigures => ({
    name: by.name,
    limit: by.units,
    windowSeconds: by.windowMs / 1_000,
    remaining,
    resetAt,
  });

  return async function admitByAddress(address, units, tell) {
    const now = clock().getTime();
    const answer = await ask(address, units);
    const counted = answer ?? fallback.take(address, units, now);
    const remaining =
      answer && !answer.success && units > 1 ? (await limiter.getRemaining(address)).remaining : counted.remaining;
    const status = {
      limits: [figures(Math.max(0, remaining), counted.reset)],
      degraded: answer === undefined,
    } as const;
    tell(status);
    if (!answer) log.warn('quota.degraded', { anonymous: true, allowed: counted.success });
    if (!counted.success) {
      throw refusalError({
        ok: false,
        refused: 'quota',
        status,
        refusedBy: 0,
        retryIn: counted.reset - now,
        retryAt: counted.reset,
      });
    }
    return { giveBack: async () => void (answer && (await ask(address, -units))) };
  };
}

/** Counts by address in the isolate's memory: the oldest are forgotten first. */
function addressCounts({ units: most, windowMs }: AddressLimit) {
  const counts = new Map<string, { startedAt: number; units: number }>();
  return {
    take(address: string, units: number, now: number) {
      const known = counts.get(address);
      const count = known && now < known.startedAt + windowMs ? known : { startedAt: now, units: 0 };
      const success = count.units + units <= most;
      if (success) count.units += units;
      counts.set(address, count);
      const [oldest] = counts.keys();
      if (counts.size > MAX_ADDRESSES && oldest !== undefined) counts.delete(oldest);
      return { success, remaining: most - count.units, reset: count.startedAt + windowMs };
    },
  };
}
