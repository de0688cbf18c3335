import type { LimitFigures, QuotaStatus } from '../access/admission.ts';
import type { KeyRefusal } from '../access/edge.ts';
import { AppError } from '../kernel/errors.ts';
import type { Asker, KnownKey } from './protocol.ts';

/** What became of a request's quota. */
export type Verdict = Admitted | Refused;

export interface Admitted {
  ok: true;
  /** Of a key that asked. */
  key: KnownKey | undefined;
  /** Nothing where nothing was metered. */
  status: QuotaStatus | undefined;
  giveBack(): Promise<void>;
}

export type Refused =
  | (RefusedOne & {
      refused: 'quota' | 'limit';
      status: QuotaStatus;
      refusedBy: number;
      retryIn: number;
      retryAt: number;
    })
  /** Routed by registered APIs that have changed since: charged nothing, and to be routed again. `gateway` is in force. */
  | { ok: false; refused: 'stale'; gateway: number }
  | (RefusedOne & { refused: KeyRefusal | 'permission' | 'tier' | 'deleted' | 'unavailable' });

interface RefusedOne {
  ok: false;
  /** The key that asked, where it is known. */
  by?: Asker | undefined;
}

const UNAVAILABLE_RETRY = 2;

const REFUSALS: Readonly<Record<Exclude<Refused['refused'], 'quota' | 'limit'>, () => AppError>> = {
  unknown: () => new AppError('unauthorized', 'The API key is unknown, revoked or expired'),
  expired: () => new AppError('unauthorized', 'The API key is unknown, revoked or expired'),
  address: () => new AppError('forbidden', 'This API key may not be used from this address'),
  method: () => new AppError('forbidden', 'This API key may not be used with this method'),
  path: () => new AppError('forbidden', 'This API key may not be used on this path'),
  permission: () => new AppError('forbidden', 'This API key does not have the permission that this needs'),
  tier: () => new AppError('TIER_NOT_IN_PLAN', "The organization's plan does not include this query tier"),
  deleted: () => new AppError('not_found', 'Organization not found'),
  stale: () =>
    new AppError('service_unavailable', 'The APIs are being changed at this moment', { retryAfter: UNAVAILABLE_RETRY }),
  unavailable: () =>
    new AppError('service_unavailable', 'The credential cannot be checked at the moment', {
      retryAfter: UNAVAILABLE_RETRY,
    }),
};

/** The error that a refusal is answered with. A key that is no good is refused alike, whatever is wrong with it. */
export function refusalError(refused: Refused): AppError {
  if (refused.refused !== 'quota' && refused.refused !== 'limit') return REFUSALS[refused.refused]();
  const { status, refusedBy, retryIn, retryAt: resetAt } = refused;
  const figures: LimitFigures = status.limits[refusedBy] ?? status.limits[0];
  const { limit, windowSeconds: window, name } = figures;
  const retryAfter = Math.max(1, Math.ceil(retryIn / 1_000));
  const what = refused.refused === 'limit' ? `Rate limit "${name}" exceeded` : 'Rate limit exceeded';
  const message = `${what}. Try again in ${retryAfter} seconds. (Limit: ${limit}, Window: ${window}s)`;
  return new AppError('RATE_LIMITED', message, { rateLimit: { retryAfter, limit, window, resetAt } });
}
