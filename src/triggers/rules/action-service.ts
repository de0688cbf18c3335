import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { confirmStanding } from '../../identity/index.ts';
import type { KeyRing } from '../../kernel/crypto.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { newSigningSecret } from '../../outbound/signature.ts';
import { audit } from '../../telemetry/audit.ts';
import type { ActionConfig, ConfigCheck, ConfigRules } from '../actions/kind.ts';
import { type ActionType, validateActionConfig } from '../actions/kinds.ts';
import { keepSecrets, openSecrets, sealSecrets, sealSigningSecret, splitSecrets } from '../actions/secrets.ts';
import { findCircuits, resetCircuit } from '../circuits/store.ts';
import { circuitToWire } from '../circuits/wire.ts';
import * as store from './store.ts';
import { actionToWire } from './wire.ts';

/** The document lists actions without pages, so there is a bound to how many a trigger may have. */
const MAX_ACTIONS = 20;

export interface ActionDeps extends ConfigRules {
  keyRing: KeyRing;
}

export interface ActionFields {
  action_type: ActionType;
  priority: number;
  config: ActionConfig;
}

type ActionPatch = { [Field in keyof ActionFields]?: ActionFields[Field] | undefined };

/** Answers with the signing secret of a rest action, this once. */
export async function createAction(ctx: OrganizationCtx, deps: ActionDeps, triggerId: string, input: ActionFields) {
  permit(ctx, 'triggers:write');
  const signingSecret = newSigningSecret();
  const columns = await prepareAction(ctx, deps, { triggerId, input, signingSecret });
  const row = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    return addAction(tx, ctx, columns);
  });
  return { data: { ...actionToWire(row), ...(row.actionType === 'rest' && { signing_secret: signingSecret }) } };
}

interface NewAction {
  triggerId: string;
  input: ActionFields;
  signingSecret: string;
}

/** An action as it is stored, checked and sealed; nothing is written yet. @throws AppError `validation_failed` */
export async function prepareAction(
  { organizationId, clock }: OrganizationCtx,
  deps: ActionDeps,
  { triggerId, input, signingSecret }: NewAction,
) {
  const type = input.action_type;
  const config = accept(keepSecrets(type, accept(validateActionConfig(type, input.config, deps))));
  const { config: masked, secrets } = splitSecrets(type, config);
  return {
    organizationId,
    triggerId,
    actionType: type,
    priority: input.priority,
    config: masked,
    sealedSecrets: await sealSecrets(deps.keyRing, triggerId, secrets),
    sealedSigningSecret: await sealSigningSecret(deps.keyRing, triggerId, signingSecret),
    createdAt: clock(),
  };
}

/** Part of a transaction in which the caller's standing was confirmed, as are the other verbs that take one. */
export async function addAction(tx: Executor, ctx: OrganizationCtx, columns: PreparedAction) {
  const key = { organizationId: ctx.organizationId, triggerId: columns.triggerId };
  await lockTrigger(tx, key, ctx.clock());
  if ((await store.listActions(tx, key)).length >= MAX_ACTIONS) {
    throw new AppError('bad_request', `A trigger can have at most ${MAX_ACTIONS} actions`);
  }
  const made = await store.insertAction(tx, columns);
  await audit(tx, ctx, { action: 'action.create', target: targetOf(made.id), after: actionToWire(made) });
  return made;
}

type PreparedAction = Awaited<ReturnType<typeof prepareAction>>;

export async function listActions(ctx: OrganizationCtx, triggerId: string) {
  permit(ctx, 'triggers:read');
  const rows = await store.listActions(ctx.db.query, { organizationId: ctx.organizationId, triggerId });
  const circuits = await findCircuits(
    ctx.db.query,
    rows.map(({ id }) => id),
  );
  return { data: rows.map((row) => ({ ...actionToWire(row), circuit: circuitToWire(circuits.get(row.id)) })) };
}

/**
 * Changes what is given; a config replaces the present one whole, except for secrets sent back as their mask. An action
 * that becomes a rest action is given a signing secret, which is told this once.
 */
export async function updateAction(
  ctx: OrganizationCtx,
  deps: ActionDeps,
  triggerId: string,
  id: number,
  patch: ActionPatch,
) {
  permit(ctx, 'triggers:write');
  const signingSecret = newSigningSecret();
  return ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const { row, isSigning } = await changeAction(tx, ctx, deps, { triggerId, id, patch, signingSecret });
    return { data: { ...actionToWire(row), ...(isSigning && { signing_secret: signingSecret }) } };
  });
}

interface ActionChange {
  triggerId: string;
  id: number;
  patch: ActionPatch;
  /** For an action that becomes a rest action. */
  signingSecret: string;
  /** Has a rest action that signs already take the secret, too. */
  isRekeyed?: boolean;
}

/** `isSigning`: the action is a rest action that signs with the secret from now on, and did not before. */
export async function changeAction(
  tx: Executor,
  ctx: OrganizationCtx,
  deps: ActionDeps,
  { triggerId, id, patch, signingSecret, isRekeyed = false }: ActionChange,
) {
  const key = { organizationId: ctx.organizationId, triggerId };
  await lockTrigger(tx, key, ctx.clock());
  const present = await store.findAction(tx, key, id);
  if (!present) throw notFound('Action');
  const isSigning = patch.action_type === 'rest' && (isRekeyed || present.actionType !== 'rest');
  const row = await store.updateAction(tx, key, id, {
    ...(await nextConfig(deps, present, patch)),
    ...(isSigning && { sealedSigningSecret: await sealSigningSecret(deps.keyRing, triggerId, signingSecret) }),
    priority: patch.priority ?? present.priority,
  });
  if (!row) throw notFound('Action');
  await resetCircuit(tx, id, ctx.clock());
  const change = { before: actionToWire(present), after: actionToWire(row) };
  await audit(tx, ctx, { action: 'action.update', target: targetOf(id), ...change });
  return { row, isSigning };
}

async function nextConfig(deps: ActionDeps, present: store.ActionRow, patch: ActionPatch) {
  if (patch.config === undefined && patch.action_type === undefined) return {};
  const type = patch.action_type ?? present.actionType;
  const sent = accept(validateActionConfig(type, patch.config ?? present.config, deps));
  const stored = {
    config: present.config,
    secrets: await openSecrets(deps.keyRing, present.triggerId, present.sealedSecrets),
  };
  const { config, secrets } = splitSecrets(
    type,
    accept(keepSecrets(type, sent, type === present.actionType ? stored : undefined)),
  );
  return { actionType: type, config, sealedSecrets: await sealSecrets(deps.keyRing, present.triggerId, secrets) };
}

export async function deleteAction(ctx: OrganizationCtx, triggerId: string, id: number) {
  permit(ctx, 'triggers:write');
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    await removeAction(tx, ctx, triggerId, id);
  });
}

export async function removeAction(tx: Executor, ctx: OrganizationCtx, triggerId: string, id: number) {
  const key = { organizationId: ctx.organizationId, triggerId };
  await lockTrigger(tx, key, ctx.clock());
  const gone = await store.deleteAction(tx, key, id);
  if (!gone) throw notFound('Action');
  await audit(tx, ctx, { action: 'action.delete', target: targetOf(id), before: actionToWire(gone) });
}

const targetOf = (id: number) => ({ type: 'action', id: String(id) });

async function lockTrigger(tx: Executor, key: store.TriggerKey, now: Date) {
  if (!(await store.changeTrigger(tx, key, {}, now))) throw notFound('Trigger');
}

/** The config that a check lets pass. @throws AppError `validation_failed` naming every fault under `config.` */
function accept(check: ConfigCheck): ActionConfig {
  if (check.ok) return check.config;
  const details = check.details.map(({ path, message }) => ({ path: path ? `config.${path}` : 'config', message }));
  throw new AppError('validation_failed', 'Request validation failed', { details });
}
