import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { Registry } from '../../chain/events.ts';
import type { Executor } from '../../db/client.ts';
import { confirmStanding } from '../../identity/index.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import { audit } from '../../telemetry/audit.ts';
import { compileCondition } from '../matching/conditions.ts';
import { NEEDS_DEPTH } from '../matching/rule.ts';
import { holdTriggerBounds } from './bounds.ts';
import * as store from './store.ts';
import { conditionToWire } from './wire.ts';

/** The document lists conditions without pages, so there is a bound to how many a trigger may have. */
const MAX_CONDITIONS = 50;

interface ConditionFields {
  condition_type: string;
  field: string;
  operator: string;
  value: string;
  config?: Record<string, unknown> | null | undefined;
}

type ConditionPatch = { [Field in keyof ConditionFields]?: ConditionFields[Field] | undefined };

export async function createCondition(ctx: OrganizationCtx, triggerId: string, input: ConditionFields) {
  permit(ctx, 'triggers:write');
  const row = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    return addCondition(tx, ctx, triggerId, input);
  });
  return { data: conditionToWire(row) };
}

/** Part of a transaction in which the caller's standing was confirmed. */
export async function addCondition(tx: Executor, ctx: OrganizationCtx, triggerId: string, input: ConditionFields) {
  const now = ctx.clock();
  const key = { organizationId: ctx.organizationId, triggerId };
  const trigger = await lockTrigger(tx, key, now);
  const fields = columnsOf(input);
  refuseInvalid(fields, trigger);
  if ((await store.listConditions(tx, key)).length >= MAX_CONDITIONS) {
    throw new AppError('bad_request', `A trigger can have at most ${MAX_CONDITIONS} conditions`);
  }
  const made = await store.insertCondition(tx, { ...key, ...fields, createdAt: now });
  await holdTriggerBounds(tx, trigger, trigger);
  await audit(tx, ctx, { action: 'condition.create', target: targetOf(made.id), after: conditionToWire(made) });
  return made;
}

export async function listConditions(ctx: OrganizationCtx, triggerId: string) {
  permit(ctx, 'triggers:read');
  const rows = await store.listConditions(ctx.db.query, { organizationId: ctx.organizationId, triggerId });
  return { data: rows.map(conditionToWire) };
}

export async function updateCondition(ctx: OrganizationCtx, triggerId: string, id: number, patch: ConditionPatch) {
  permit(ctx, 'triggers:write');
  const key = { organizationId: ctx.organizationId, triggerId };
  const row = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const trigger = await lockTrigger(tx, key, ctx.clock());
    const present = await store.findCondition(tx, key, id);
    if (!present) throw notFound('Condition');
    const next = {
      conditionType: patch.condition_type ?? present.conditionType,
      field: patch.field ?? present.field,
      operator: patch.operator ?? present.operator,
      value: patch.value ?? present.value,
      config: patch.config === undefined ? present.config : patch.config,
    };
    refuseInvalid(next, trigger);
    const changed = await store.updateCondition(tx, key, id, next);
    if (!changed) throw notFound('Condition');
    await holdTriggerBounds(tx, trigger, trigger);
    const change = { before: conditionToWire(present), after: conditionToWire(changed) };
    await audit(tx, ctx, { action: 'condition.update', target: targetOf(id), ...change });
    return changed;
  });
  return { data: conditionToWire(row) };
}

export async function deleteCondition(ctx: OrganizationCtx, triggerId: string, id: number) {
  permit(ctx, 'triggers:write');
  const key = { organizationId: ctx.organizationId, triggerId };
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const trigger = await lockTrigger(tx, key, ctx.clock());
    const gone = await store.deleteCondition(tx, key, id);
    if (!gone) throw notFound('Condition');
    await holdTriggerBounds(tx, trigger, trigger);
    await audit(tx, ctx, { action: 'condition.delete', target: targetOf(id), before: conditionToWire(gone) });
  });
}

/** A trigger that moves to another registry or depth keeps its conditions only if they make sense there. */
export function recheckConditions(conditions: readonly store.ConditionRow[], trigger: store.TriggerRow) {
  const { registry } = trigger;
  for (const row of conditions) {
    const result = check(row, registry);
    if (!result.ok) {
      throw invalidField('registry', `condition ${row.id} does not fit the ${registry} registry: ${result.message}`);
    }
    if (lacksDepth(result, trigger)) throw invalidField(NEEDS_DEPTH.path, NEEDS_DEPTH.message);
  }
}

const targetOf = (id: number) => ({ type: 'condition', id: String(id) });

async function lockTrigger(tx: Executor, key: store.TriggerKey, now: Date) {
  const trigger = await store.changeTrigger(tx, key, {}, now);
  if (!trigger) throw notFound('Trigger');
  return trigger;
}

const columnsOf = (input: ConditionFields) => ({
  conditionType: input.condition_type,
  field: input.field,
  operator: input.operator,
  value: input.value,
  config: input.config ?? null,
});

type ConditionColumns = ReturnType<typeof columnsOf>;

const check = ({ conditionType, ...columns }: ConditionColumns, registry: Registry) =>
  compileCondition({ ...columns, condition_type: conditionType }, registry);

function refuseInvalid(condition: ConditionColumns, trigger: store.TriggerRow) {
  const result = check(condition, trigger.registry);
  if (!result.ok) throw invalidField(result.path, result.message);
  if (!lacksDepth(result, trigger)) return;
  throw invalidField('condition_type', 'a trigger with confirmations 0 can have no condition that remembers');
}

const lacksDepth = (result: ReturnType<typeof check>, { confirmations }: store.TriggerRow) =>
  result.ok && 'state' in result && confirmations === 0;
