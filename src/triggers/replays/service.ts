import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { confirmStanding } from '../../identity/index.ts';
import { DAY, later } from '../../kernel/clock.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { audit } from '../../telemetry/audit.ts';
import { refuseBackwards } from '../deliveries/service.ts';
import { findAction, lockTrigger } from '../rules/store.ts';
import * as store from './store.ts';
import type { replays } from './table.ts';

/** Less than deliveries are kept for, so that a job never runs after what is being deleted. */
const MAX_DAYS_BACK = 14;
const MAX_DELIVERIES = 10_000;

/** Jobs of an organization that run at a time. */
const MAX_RUNNING = 5;

interface ReplayFields {
  from: Date;
  to: Date;
  status: (typeof replays.$inferSelect)['wanted'];
  action_id?: number | undefined;
}

export interface ReplayRequestDeps {
  /** Sees to it that running jobs are soon carried on; never rejects. */
  wakeSweeper(): Promise<void>;
}

/**
 * @throws AppError `conflict` when a replay of the trigger is running, or as many as an organization can have;
 * `bad_request` when the range holds too much
 */
export async function createReplay(
  ctx: OrganizationCtx,
  { wakeSweeper }: ReplayRequestDeps,
  triggerId: string,
  input: ReplayFields,
) {
  permit(ctx, 'triggers:write');
  const now = ctx.clock();
  refuseBackwards(input.from, input.to);
  if (input.from < later(now, -MAX_DAYS_BACK * DAY)) {
    throw invalidField('from', `must not be more than ${MAX_DAYS_BACK} days ago`);
  }
  const row: store.ReplayRow = {
    ...{ id: newUuid(), organizationId: ctx.organizationId, triggerId, status: 'running' },
    ...{ from: input.from, to: new Date(Math.min(input.to.getTime(), now.getTime())), wanted: input.status },
    ...{ actionId: input.action_id ?? null, total: 0, done: 0, sent: 0, afterCreatedAt: null, afterId: null },
    ...{ steppedAt: now, createdAt: now, completedAt: null },
  };
  const data = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const key = { organizationId: ctx.organizationId, triggerId };
    if (!(await lockTrigger(tx, key))) throw notFound('Trigger');
    if (row.actionId !== null && !(await findAction(tx, key, row.actionId))) throw notFound('Action');
    const total = await store.countInRange(tx, row, MAX_DELIVERIES);
    if (total > MAX_DELIVERIES) {
      throw new AppError('bad_request', `The range holds more than ${MAX_DELIVERIES} deliveries; choose a shorter one`);
    }
    await store.takeTurn(tx, ctx.organizationId);
    await store.insertReplay(tx, { ...row, total });
    if ((await store.countRunning(tx, ctx.organizationId)) > MAX_RUNNING) {
      throw new AppError('conflict', `An organization can have at most ${MAX_RUNNING} replays running at a time`);
    }
    const made = toWire({ ...row, total });
    await audit(tx, ctx, { action: 'replay.create', target: targetOf(row.id), after: made });
    return made;
  });
  ctx.afterCommit(wakeSweeper);
  return { data };
}

export async function getReplay(ctx: OrganizationCtx, replayId: string) {
  permit(ctx, 'triggers:read');
  const row = await store.findReplay(ctx.db.query, { organizationId: ctx.organizationId, replayId });
  if (!row) throw notFound('Replay');
  return { data: toWire(row) };
}

/** What has been sent again stays so. @throws AppError `conflict` when the job has completed */
export async function cancelReplay(ctx: OrganizationCtx, replayId: string) {
  permit(ctx, 'triggers:write');
  const now = ctx.clock();
  const key = { organizationId: ctx.organizationId, replayId };
  return ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const present = await store.lockReplay(tx, key);
    if (!present) throw notFound('Replay');
    if (present.status === 'completed') throw new AppError('conflict', 'The replay has completed');
    if (present.status === 'cancelled') return { data: toWire(present) };
    const changed = await store.changeReplay(tx, key, { status: 'cancelled', completedAt: now });
    if (!changed) throw notFound('Replay');
    const data = toWire(changed);
    await audit(tx, ctx, { action: 'replay.cancel', target: targetOf(replayId), before: toWire(present), after: data });
    return { data };
  });
}

const targetOf = (id: string) => ({ type: 'replay', id });

const toWire = (row: store.ReplayRow) => ({
  id: row.id,
  organization_id: row.organizationId,
  trigger_id: row.triggerId,
  status: row.status,
  from: row.from.toISOString(),
  to: row.to.toISOString(),
  delivery_status: row.wanted,
  action_id: row.actionId,
  total: row.total,
  done: row.done,
  sent: row.sent,
  created_at: row.createdAt.toISOString(),
  completed_at: row.completedAt?.toISOString() ?? null,
});
