import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { LimitAlgorithm, LimitScope, LimitWindow } from '../../access/edge.ts';
import type { Permission } from '../../access/permissions.ts';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { newId } from '../../kernel/id.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { checkDefinition, type Definition } from './definition.ts';
import * as store from './store.ts';
import { limitToWire } from './wire.ts';

/** All limits of an organization are in its object's memory, and each is asked on every request that it measures. */
const MAX_LIMITS = 100;

export interface RateLimitDeps {
  /**
   * Begins a change of the organization, in the change's transaction: marks it as changed for the edge, makes such changes
   * take turns, and asks again whether the caller may.
   * @throws AppError when the organization is gone, or the caller may not
   */
  holdOrganization(tx: Executor, ctx: OrganizationCtx, permission: Permission): Promise<unknown>;
}

interface RateLimitFields {
  name: string;
  scope: LimitScope;
  target?: string | null | undefined;
  limit: number;
  window: LimitWindow;
  algorithm: LimitAlgorithm;
  burst?: number | null | undefined;
}

type RateLimitPatch = { [Field in keyof RateLimitFields]?: RateLimitFields[Field] | undefined };

/** @throws AppError `validation_failed`; `conflict` when the name is taken; `bad_request` when there are too many */
export async function createRateLimit(ctx: OrganizationCtx, deps: RateLimitDeps, input: RateLimitFields) {
  permit(ctx, 'limits:write');
  const { name, scope, limit, window, algorithm } = input;
  const { target = null, burst = null } = input;
  const now = ctx.clock();
  const row: store.RateLimitRow = {
    id: newId('limit'),
    organizationId: ctx.organizationId,
    ...checkDefinition({ name, scope, target, limit, window, algorithm, burst }),
    createdAt: now,
    updatedAt: now,
  };
  const data = limitToWire(row);
  await changeLimits(ctx, deps, async (tx) => {
    if ((await store.countLimits(tx, ctx.organizationId)) >= MAX_LIMITS) {
      throw new AppError('bad_request', `An organization has at most ${MAX_LIMITS} limits; delete some first`);
    }
    await store.insertLimit(tx, row);
    await audit(tx, ctx, { action: 'rate_limit.create', target: targetOf(row.id), after: data });
  });
  return { data };
}

export async function listRateLimits(ctx: OrganizationCtx, page: PageRequest) {
  permit(ctx, 'limits:read');
  const { rows, total } = await store.listLimits(ctx.db.query, ctx.organizationId, page);
  return toPage(rows.map(limitToWire), total, page);
}

export async function getRateLimit(ctx: OrganizationCtx, limitId: string) {
  permit(ctx, 'limits:read');
  const row = await store.findLimit(ctx.db.query, refOf(ctx, limitId));
  if (!row) throw notFound('Rate limit');
  return { data: limitToWire(row) };
}

/**
 * Changes the fields that are given; changes to different fields at once are all kept.
 * @throws AppError `validation_failed` when the outcome is no limit; `conflict` when the name is taken
 */
export async function updateRateLimit(
  ctx: OrganizationCtx,
  deps: RateLimitDeps,
  limitId: string,
  patch: RateLimitPatch,
) {
  permit(ctx, 'limits:write');
  const row = await changeLimits(ctx, deps, async (tx) => {
    const ref = refOf(ctx, limitId);
    const before = await store.findLimit(tx, ref);
    if (!before) throw notFound('Rate limit');
    const after = { ...before, ...checkDefinition(patched(before, patch)), updatedAt: ctx.clock() };
    await store.updateLimit(tx, ref, after);
    const states = { before: limitToWire(before), after: limitToWire(after) };
    await audit(tx, ctx, { action: 'rate_limit.update', target: targetOf(limitId), ...states });
    return after;
  });
  return { data: limitToWire(row) };
}

/** A target says something in its scope alone, and a burst of its algorithm. */
function patched(before: store.RateLimitRow, patch: RateLimitPatch): Definition {
  const { name = before.name, scope = before.scope, limit = before.limit, window = before.window } = patch;
  const { algorithm = before.algorithm } = patch;
  const { target = scope === before.scope ? before.target : null } = patch;
  const { burst = algorithm === before.algorithm ? before.burst : null } = patch;
  return { name, scope, target, limit, window, algorithm, burst };
}

export async function deleteRateLimit(ctx: OrganizationCtx, deps: RateLimitDeps, limitId: string) {
  permit(ctx, 'limits:write');
  await changeLimits(ctx, deps, async (tx) => {
    const gone = await store.deleteLimit(tx, refOf(ctx, limitId));
    if (!gone) throw notFound('Rate limit');
    await audit(tx, ctx, { action: 'rate_limit.delete', target: targetOf(limitId), before: limitToWire(gone) });
  });
}

/** One change of the organization's limits, after which its object is told. */
async function changeLimits<T>(
  ctx: OrganizationCtx,
  deps: RateLimitDeps,
  change: (tx: Executor) => Promise<T>,
): Promise<T> {
  const outcome = await ctx.db
    .transaction(async (tx) => {
      await deps.holdOrganization(tx, ctx, 'limits:write');
      return change(tx);
    })
    .catch((error: unknown) => {
      if (duplicateOf(error) === 'rate_limits_name_key') {
        throw new AppError('conflict', 'Rate limit name already exists');
      }
      throw error;
    });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return outcome;
}

const refOf = (ctx: OrganizationCtx, limitId: string): store.RateLimitRef => ({
  organizationId: ctx.organizationId,
  limitId,
});

const targetOf = (id: string) => ({ type: 'rate_limit', id });
