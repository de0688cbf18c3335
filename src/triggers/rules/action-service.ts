import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { confirmStanding } from '../../identity/index.ts';
import type { KeyRing } from '../../kernel/crypto.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import { newSigningSecret } from '../../outbound/signature.ts';
import { audit } from '../../telemetry/audit.ts';
import type { ActionConfig, ConfigCheck } from '../actions/kind.ts';
import { type ActionType, validateActionConfig } from '../actions/kinds.ts';
import { keepSecrets, openSecrets, sealSecrets, sealSigningSecret, splitSecrets } from '../actions/secrets.ts';
import * as store from './store.ts';
import { actionToWire } from './wire.ts';

/** The document lists actions without pages, so there is a bound to how many a trigger may have. */
const MAX_ACTIONS = 20;

export interface ActionDeps {
  keyRing: KeyRing;
  outboundPolicy: OutboundPolicy;
}

interface ActionFields {
  action_type: ActionType;
  priority: number;
  config: ActionConfig;
}

type ActionPatch = { [Field in keyof ActionFields]?: ActionFields[Field] | undefined };

/** Answers with the signing secret of a rest action, this once. */
export async function createAction(ctx: OrganizationCtx, deps: ActionDeps, triggerId: string, input: ActionFields) {
  permit(ctx, 'triggers:write');
  const type = input.action_type;
  const config = accept(keepSecrets(type, accept(validateActionConfig(type, input.config, deps.outboundPolicy))));
  const { config: masked, secrets } = splitSecrets(type, config);
  const signingSecret = newSigningSecret();
  const now = ctx.clock();
  const key = { organizationId: ctx.organizationId, triggerId };
  const columns = {
    ...key,
    actionType: type,
    priority: input.priority,
    config: masked,
    sealedSecrets: await sealSecrets(deps.keyRing, triggerId, secrets),
    sealedSigningSecret: await sealSigningSecret(deps.keyRing, triggerId, signingSecret),
    createdAt: now,
  };
  const row = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    await lockTrigger(tx, key, now);
    if ((await store.listActions(tx, key)).length >= MAX_ACTIONS) {
      throw new AppError('bad_request', `A trigger can have at most ${MAX_ACTIONS} actions`);
    }
    const made = await store.insertAction(tx, columns);
    await audit(tx, ctx, { action: 'action.create', target: targetOf(made.id), after: actionToWire(made) });
    return made;
  });
  return { data: { ...actionToWire(row), ...(type === 'rest' && { signing_secret: signingSecret }) } };
}

export async function listActions(ctx: OrganizationCtx, triggerId: string) {
  permit(ctx, 'triggers:read');
  const rows = await store.listActions(ctx.db.query, { organizationId: ctx.organizationId, triggerId });
  return { data: rows.map(actionToWire) };
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
  const key = { organizationId: ctx.organizationId, triggerId };
  return ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    await lockTrigger(tx, key, ctx.clock());
    const present = await store.findAction(tx, key, id);
    if (!present) throw notFound('Action');
    const signingSecret =
      patch.action_type === 'rest' && present.actionType !== 'rest' ? newSigningSecret() : undefined;
    const changed = await store.updateAction(tx, key, id, {
      ...(await nextConfig(deps, present, patch)),
      ...(signingSecret && { sealedSigningSecret: await sealSigningSecret(deps.keyRing, triggerId, signingSecret) }),
      priority: patch.priority ?? present.priority,
    });
    if (!changed) throw notFound('Action');
    const change = { before: actionToWire(present), after: actionToWire(changed) };
    await audit(tx, ctx, { action: 'action.update', target: targetOf(id), ...change });
    return { data: { ...actionToWire(changed), ...(signingSecret && { signing_secret: signingSecret }) } };
  });
}

async function nextConfig(deps: ActionDeps, present: store.ActionRow, patch: ActionPatch) {
  if (patch.config === undefined && patch.action_type === undefined) return {};
  const type = patch.action_type ?? present.actionType;
  const sent = accept(validateActionConfig(type, patch.config ?? present.config, deps.outboundPolicy));
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
  const key = { organizationId: ctx.organizationId, triggerId };
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    await lockTrigger(tx, key, ctx.clock());
    const gone = await store.deleteAction(tx, key, id);
    if (!gone) throw notFound('Action');
    await audit(tx, ctx, { action: 'action.delete', target: targetOf(id), before: actionToWire(gone) });
  });
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
