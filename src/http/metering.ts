import type { Context, MiddlewareHandler } from 'hono';
import type { Admission, Charge, Tell } from '../access/admission.ts';
import type { CallerCtx, Ctx } from '../access/ctx.ts';
import type { UserPrincipal, WalletPrincipal } from '../access/principal.ts';
import { clientAddress, limitAddress } from './address.ts';
import type { AppEnv } from './app-env.ts';
import { chargeOf, withCredential } from './authenticate.ts';
import type { Operation } from './operation.ts';

/** A request of a person or a wallet, and the organization that is charged for it. */
export interface MeteredRequest {
  organizationId: string;
  principal: UserPrincipal | WalletPrincipal;
  charge: Charge;
  address: string | undefined;
  method: string;
  path: string;
}

/**
 * What the routes need to measure requests. Each tells what it measured by before it answers.
 * @throws AppError `RATE_LIMITED`; `TIER_NOT_IN_PLAN`
 */
export interface Meter {
  admit(request: MeteredRequest, tell: Tell): Promise<Admission>;
  /** Of a caller without a credential; `address` is what such callers are told apart by. */
  admitAddress(address: string, charge: Charge, tell: Tell): Promise<Admission>;
  /** Who pays for what is about no organization, or about one in which the caller has no place. */
  ownOrganization(ctx: CallerCtx): Promise<string | undefined>;
}

/**
 * Charges a request that gets here, once: to the organization it is about, if the caller has a place there, else to
 * their own; without a credential to their address. A key's request was charged when the key was recognised.
 * @throws AppError as the meter does
 */
export async function meter(
  c: Context<AppEnv>,
  op: Operation,
  deps: Meter,
  ctx: Ctx,
  organizationId?: string,
): Promise<void> {
  if (op.cost === 0 || c.get('admission')) return;
  const charge = chargeOf(op);
  const tell: Tell = (status) => c.set('quota', status);
  const { principal } = ctx;
  if (principal.kind === 'anonymous') {
    c.set('admission', await deps.admitAddress(limitAddress(c.req.raw.headers), charge, tell));
  }
  if (principal.kind !== 'user' && principal.kind !== 'wallet') return;
  const payer = organizationId ?? (await deps.ownOrganization(withCredential(ctx)));
  // A person whose personal organization is being made at this moment has none yet.
  if (payer === undefined) return;
  const use = { address: clientAddress(c.req.raw.headers), method: c.req.method, path: c.req.path };
  c.set('admission', await deps.admit({ organizationId: payer, principal, charge, ...use }, tell));
}

/**
 * Sees to it that every request counts but those whose failure is not the caller's: a 401 and a 5xx are given back, and
 * one that was refused before it could be measured (as malformed, say) is measured now.
 */
export function settling(
  op: Operation,
  deps: Meter,
  contextOf: (c: Context<AppEnv>) => Ctx,
): MiddlewareHandler<AppEnv> {
  return async function settled(c, next) {
    await next();
    const { status } = c.res;
    const forgiven = status === 401 || status >= 500;
    const admission = c.get('admission');
    if (admission) return forgiven ? admission.giveBack() : undefined;
    // Without a principal it was refused by the key itself, which charges nothing.
    if (!forgiven && status !== 429 && c.get('principal')) await meter(c, op, deps, contextOf(c));
  };
}
