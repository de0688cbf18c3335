import { type CallerCtx, type OrganizationCtx, permit, permitCaller } from '../../access/ctx.ts';
import { CHAINS, chainById } from '../../chain/chains.ts';
import type { Registry } from '../../chain/events.ts';
import type { Executor } from '../../db/client.ts';
import { confirmStanding, hasPlaceIn } from '../../identity/index.ts';
import { invalidField, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { dropEmptyFollow, lockFollowOf } from '../follows/membership-store.ts';
import { holdTriggerBounds, holdTriggerCount } from './bounds.ts';
import { recheckConditions } from './condition-service.ts';
import * as store from './store.ts';
import { actionToWire, conditionToWire, triggerToWire } from './wire.ts';

interface TriggerFields {
  name: string;
  description?: string | null | undefined;
  chain_id: number | null;
  registry: Registry;
  enabled: boolean;
  is_stateful: boolean;
  match_all: boolean;
  confirmations?: 0 | null | undefined;
}

type TriggerPatch = { [Field in keyof TriggerFields]?: TriggerFields[Field] | undefined };

/** @throws AppError `validation_failed` for a chain that is not in the shipped table */
export function refuseUnknownChain(chainId: number | null | undefined) {
  if (chainId === null || chainId === undefined || chainById(chainId)) return;
  throw invalidField(
    'chain_id',
    `must be null or one of ${CHAINS.map(({ id, name }) => `${id} (${name})`).join(', ')}`,
  );
}

export async function createTrigger(ctx: OrganizationCtx, input: TriggerFields) {
  permit(ctx, 'triggers:write');
  refuseUnknownChain(input.chain_id);
  const row = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    return addTrigger(tx, ctx, input);
  });
  return { data: triggerToWire(row) };
}

/** Part of a transaction in which the caller's standing was confirmed, as are the other verbs that take one. */
export async function addTrigger(tx: Executor, ctx: OrganizationCtx, input: TriggerFields, id = newUuid()) {
  const now = ctx.clock();
  const row: store.TriggerRow = {
    id,
    organizationId: ctx.organizationId,
    userId: ctx.principal.userId,
    name: input.name,
    description: input.description ?? null,
    chainId: input.chain_id,
    registry: input.registry,
    enabled: input.enabled,
    isStateful: input.is_stateful,
    matchAll: input.match_all,
    confirmations: input.confirmations ?? null,
    version: 1,
    broad: false,
    patterns: 0,
    statefulConditions: 0,
    createdAt: now,
    updatedAt: now,
  };
  await holdTriggerCount(tx, ctx.organizationId);
  await store.insertTrigger(tx, row);
  await holdTriggerBounds(tx, row, undefined);
  await audit(tx, ctx, { action: 'trigger.create', target: targetOf(id), after: triggerToWire(row) });
  return row;
}

/** @throws AppError `not_found` when an organization is named in which the caller has no place */
export async function listTriggers(ctx: CallerCtx, query: PageRequest & { organization_id?: string | undefined }) {
  permitCaller(ctx, 'triggers:read');
  const { principal } = ctx;
  const visibility =
    principal.kind === 'user' ? { userId: principal.userId } : { organizationId: principal.organizationId };
  const named = query.organization_id;
  if (named !== undefined && !(await hasPlaceIn(ctx, named))) throw notFound('Organization');
  const { rows, total } = await store.listTriggers(ctx.db.query, visibility, named, query);
  return toPage(rows.map(triggerToWire), total, query);
}

const targetOf = (triggerId: string) => ({ type: 'trigger', id: triggerId });

const keyOf = (ctx: OrganizationCtx, triggerId: string) => ({ organizationId: ctx.organizationId, triggerId });

export async function getTrigger(ctx: OrganizationCtx, triggerId: string) {
  permit(ctx, 'triggers:read');
  const key = keyOf(ctx, triggerId);
  const [trigger, conditions, actions] = await Promise.all([
    store.findTrigger(ctx.db.query, key),
    store.listConditions(ctx.db.query, key),
    store.listActions(ctx.db.query, key),
  ]);
  if (!trigger) throw notFound('Trigger');
  return {
    data: {
      ...triggerToWire(trigger),
      conditions: conditions.map(conditionToWire),
      actions: actions.map(actionToWire),
    },
  };
}

/** Changes the fields that are given, in one statement, so that changes to different fields at once are all kept. */
export async function updateTrigger(ctx: OrganizationCtx, triggerId: string, patch: TriggerPatch) {
  permit(ctx, 'triggers:write');
  refuseUnknownChain(patch.chain_id);
  const row = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    return changeTrigger(tx, ctx, triggerId, patch);
  });
  return { data: triggerToWire(row) };
}

export async function changeTrigger(tx: Executor, ctx: OrganizationCtx, triggerId: string, patch: TriggerPatch) {
  const now = ctx.clock();
  const key = keyOf(ctx, triggerId);
  const present = await store.lockTrigger(tx, key);
  const changed = await store.changeTrigger(tx, key, { ...columnsOf(patch), updatedAt: now }, now);
  if (!present || !changed) throw notFound('Trigger');
  if (patch.registry !== undefined || patch.confirmations === 0) {
    recheckConditions(await store.listConditions(tx, key), changed);
  }
  await holdTriggerBounds(tx, changed, present);
  const change = { before: triggerToWire(present), after: triggerToWire(changed) };
  await audit(tx, ctx, { action: 'trigger.update', target: targetOf(triggerId), ...change });
  return changed;
}

const columnsOf = (patch: TriggerPatch): Partial<store.TriggerRow> => ({
  ...(patch.name !== undefined && { name: patch.name }),
  ...(patch.description !== undefined && { description: patch.description }),
  ...(patch.chain_id !== undefined && { chainId: patch.chain_id }),
  ...(patch.registry !== undefined && { registry: patch.registry }),
  ...(patch.enabled !== undefined && { enabled: patch.enabled }),
  ...(patch.is_stateful !== undefined && { isStateful: patch.is_stateful }),
  ...(patch.match_all !== undefined && { matchAll: patch.match_all }),
  ...(patch.confirmations !== undefined && { confirmations: patch.confirmations }),
});

export async function deleteTrigger(ctx: OrganizationCtx, triggerId: string) {
  permit(ctx, 'triggers:write');
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const followId = await lockFollowOf(tx, keyOf(ctx, triggerId));
    await removeTrigger(tx, ctx, triggerId);
    if (followId !== undefined) await dropEmptyFollow(tx, followId);
  });
}

export async function removeTrigger(tx: Executor, ctx: OrganizationCtx, triggerId: string) {
  const gone = await store.deleteTrigger(tx, keyOf(ctx, triggerId), ctx.clock());
  if (!gone) throw notFound('Trigger');
  await audit(tx, ctx, { action: 'trigger.delete', target: targetOf(triggerId), before: triggerToWire(gone) });
}
