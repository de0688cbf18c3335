import type { MiddlewareHandler } from 'hono';
import type { Admission, Charge, Tell } from '../access/admission.ts';
import type { CallerCtx, Ctx, UserCtx } from '../access/ctx.ts';
import { ANONYMOUS, type Caller } from '../access/principal.ts';
import { AppError } from '../kernel/errors.ts';
import { clientAddress } from './address.ts';
import type { AppEnv } from './app-env.ts';
import type { Operation } from './operation.ts';

/** A request's credentials, and what a key may be limited by. */
export interface Credentials {
  /** The `Authorization` field. */
  authorization: string | undefined;
  /** The `X-API-Key` field. */
  apiKey: string | undefined;
  address: string | undefined;
  method: string;
  path: string;
}

/** Somebody who was recognised. A key was asked about and charged in one go, so it has been admitted already. */
export interface Recognised {
  caller: Caller;
  admission?: Admission;
}

/**
 * Who a request's credentials stand for; nothing when there are none.
 * @throws AppError `unauthorized` when a credential is no good, `forbidden` when a key is not allowed here,
 * `RATE_LIMITED` when a key's organization has no room for the charge
 */
export type Authenticate = (credentials: Credentials, charge: Charge, tell: Tell) => Promise<Recognised | undefined>;

/** Sets the principal, before anything is loaded. A public operation does not look at credentials at all. */
export function authenticateFor(op: Operation, authenticate: Authenticate): MiddlewareHandler<AppEnv> {
  const { kind } = op.security;
  const required = kind !== 'public' && kind !== 'open';
  return async function authenticated(c, next) {
    const recognised =
      kind === 'public'
        ? undefined
        : await authenticate(
            {
              authorization: c.req.header('Authorization'),
              apiKey: c.req.header('X-API-Key'),
              address: clientAddress(c.req.raw.headers),
              method: c.req.method,
              path: c.req.path,
            },
            chargeOf(op),
            (status) => c.set('quota', status),
          );
    if (required && !recognised) throw new AppError('unauthorized', 'Authentication is required');
    c.set('principal', recognised?.caller ?? ANONYMOUS);
    c.set('admission', recognised?.admission);
    if (kind === 'user' && recognised?.caller.kind !== 'user') throw needsPerson();
    await next();
  };
}

/** Managing things is no query: it counts as the lowest tier, whatever it costs. */
export const chargeOf = ({ cost }: Operation): Charge => ({ units: cost, tier: 0 });

const needsPerson = () => new AppError('forbidden', 'This needs a signed-in person, not a key or a wallet');

/** The context of a person. @throws AppError as a request without one is refused */
export function signedIn(ctx: Ctx): UserCtx {
  const { principal } = ctx;
  if (principal.kind !== 'user') throw needsPerson();
  return { ...ctx, principal };
}

/** The context of anyone with a credential. */
export function withCredential(ctx: Ctx): CallerCtx {
  const { principal } = ctx;
  if (principal.kind === 'anonymous' || principal.kind === 'system') {
    throw new AppError('unauthorized', 'Authentication is required');
  }
  return { ...ctx, principal };
}
