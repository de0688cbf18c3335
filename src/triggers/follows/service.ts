import { type CallerCtx, type OrganizationCtx, permit, permitCaller } from '../../access/ctx.ts';
import { REGISTRIES, type Registry } from '../../chain/events.ts';
import type { Executor } from '../../db/client.ts';
import { confirmStanding, hasPlaceIn, showAgentId } from '../../identity/index.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { invalidField, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { type ActionDeps, type ActionFields, addAction } from '../rules/action-service.ts';
import { addCondition } from '../rules/condition-service.ts';
import { lockTrigger } from '../rules/store.ts';
import { addTrigger, changeTrigger, refuseUnknownChain, removeTrigger } from '../rules/trigger-service.ts';
import { actionsToWire, prepareActions, reconcileActions, shareActions } from './actions.ts';
import * as store from './store.ts';

interface NewFollow {
  agentId: string;
  chain_id: number;
  actions: ActionFields[];
  registries: Registry[];
}

/** @throws AppError `conflict` when the organization follows the agent already */
export async function followAgent(ctx: OrganizationCtx, deps: ActionDeps, input: NewFollow) {
  permit(ctx, 'triggers:write');
  refuseUnknownChain(input.chain_id);
  const now = ctx.clock();
  const row: store.FollowRow = {
    ...{ id: newUuid(), organizationId: ctx.organizationId, userId: ctx.principal.userId },
    ...{ chainId: input.chain_id, agentId: input.agentId, enabled: true, createdAt: now, updatedAt: now },
  };
  const shared = shareActions(input.actions);
  const members = await Promise.all(
    REGISTRIES.filter((registry) => input.registries.includes(registry)).map(async (registry) => {
      const triggerId = newUuid();
      return { registry, triggerId, actions: await prepareActions(ctx, deps, triggerId, shared) };
    }),
  );
  const data = followToWire(row, members);
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    await store.insertFollow(tx, row);
    for (const { registry, triggerId, actions } of members) {
      await addTrigger(tx, ctx, triggerOf(row, registry), triggerId);
      await addCondition(tx, ctx, triggerId, conditionOf(row));
      for (const action of actions) await addAction(tx, ctx, action);
      await store.insertMember(tx, { followId: row.id, registry, triggerId });
    }
    await audit(tx, ctx, { action: 'follow.create', target: targetOf(row.id), after: data });
  });
  const signing = shared.filter(({ input: { action_type } }) => action_type === 'rest');
  const secrets = new Set(signing.map(({ signingSecret }) => signingSecret));
  return { data: { ...data, actions: actionsToWire(shared, secrets) } };
}

const triggerOf = ({ agentId, chainId, enabled }: store.FollowRow, registry: Registry) => ({
  name: `Agent ${agentId}: ${registry}`,
  chain_id: chainId,
  registry,
  enabled,
  is_stateful: false,
  match_all: false,
});

const conditionOf = ({ agentId }: store.FollowRow) => ({
  condition_type: 'agent_id_equals',
  field: 'agent_id',
  operator: 'equals',
  value: agentId,
});

/** @throws AppError `not_found` when an organization is named in which the caller has no place */
export async function listFollows(ctx: CallerCtx, query: PageRequest & { organization_id?: string | undefined }) {
  permitCaller(ctx, 'triggers:read');
  const { principal, db } = ctx;
  const named = query.organization_id;
  if (named !== undefined && !(await hasPlaceIn(ctx, named))) throw notFound('Organization');
  const visibility =
    principal.kind === 'user' ? { userId: principal.userId } : { organizationId: principal.organizationId };
  const { rows, total } = await store.listFollows(db.query, visibility, named, query);
  const members = await store.membersOf(
    db.query,
    rows.map(({ id }) => id),
  );
  const byFollow = Map.groupBy(members, ({ followId }) => followId);
  return toPage(
    rows.map((row) => followToWire(row, byFollow.get(row.id) ?? [])),
    total,
    query,
  );
}

interface Named {
  agentId: string;
  chainId: number | undefined;
}

export async function getFollow(ctx: OrganizationCtx, named: Named) {
  permit(ctx, 'triggers:read');
  const { organizationId } = ctx;
  const row = only(await store.findFollows(ctx.db.query, { organizationId, ...named }));
  return { data: followToWire(row, await store.membersOf(ctx.db.query, [row.id])) };
}

interface FollowPatch {
  enabled?: boolean | undefined;
  actions?: ActionFields[] | undefined;
}

export async function updateFollow(ctx: OrganizationCtx, deps: ActionDeps, named: Named, patch: FollowPatch) {
  permit(ctx, 'triggers:write');
  const shared = patch.actions && shareActions(patch.actions);
  return ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const { row, members } = await lockWhole(tx, ctx, named);
    const changed = { ...row, enabled: patch.enabled ?? row.enabled, updatedAt: ctx.clock() };
    await store.changeFollow(tx, row.id, changed);
    const triggerIds = members.map(({ triggerId }) => triggerId);
    if (patch.enabled !== undefined) {
      for (const id of triggerIds) await changeTrigger(tx, ctx, id, { enabled: patch.enabled });
    }
    const fresh = shared && (await reconcileActions(tx, ctx, deps, { triggerIds, actions: shared }));
    const [before, after] = [followToWire(row, members), followToWire(changed, members)];
    await audit(tx, ctx, { action: 'follow.update', target: targetOf(row.id), before, after });
    return { data: { ...after, ...(shared && fresh && { actions: actionsToWire(shared, fresh) }) } };
  });
}

export async function unfollowAgent(ctx: OrganizationCtx, named: Named) {
  permit(ctx, 'triggers:write');
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const { row, members } = await lockWhole(tx, ctx, named);
    for (const { triggerId } of members) await removeTrigger(tx, ctx, triggerId);
    await store.deleteFollow(tx, row.id);
    const before = followToWire(row, members);
    await audit(tx, ctx, { action: 'follow.delete', target: targetOf(row.id), before });
  });
}

/**
 * Locks a follow and then all of its triggers. All before the first change, because each change ends with a row of the
 * trail: who holds the trail's head must not wait for a trigger that somebody else is changing.
 */
async function lockWhole(tx: Executor, { organizationId }: OrganizationCtx, named: Named) {
  const row = only(await store.lockFollows(tx, { organizationId, ...named }));
  const members = await store.membersOf(tx, [row.id]);
  for (const { triggerId } of members) await lockTrigger(tx, { organizationId, triggerId });
  return { row, members };
}

/** @throws AppError `not_found`; `validation_failed` when the chain was left out and has to be told */
function only(rows: readonly store.FollowRow[]): store.FollowRow {
  const [row, another] = rows;
  if (!row) throw notFound('Followed agent');
  if (another) throw invalidField('chain_id', `must be one of ${rows.map(({ chainId }) => chainId).join(', ')}`);
  return row;
}

const targetOf = (id: string) => ({ type: 'follow', id });

type Member = Pick<store.MemberRow, 'registry' | 'triggerId'>;

function followToWire(row: store.FollowRow, members: readonly Member[]) {
  const idOf = (wanted: Registry) => members.find(({ registry }) => registry === wanted)?.triggerId ?? null;
  return {
    id: row.id,
    agent_id: showAgentId(row.agentId),
    chain_id: row.chainId,
    organization_id: row.organizationId,
    enabled: row.enabled,
    trigger_ids: {
      identity: idOf('identity'),
      reputation: idOf('reputation'),
      validation: idOf('validation'),
    },
    created_at: rfc3339(row.createdAt),
    updated_at: rfc3339(row.updatedAt),
  };
}
