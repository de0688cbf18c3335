import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { KeyRing } from '../../kernel/crypto.ts';
import { invalidField, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { type EventRow, eventPayload } from '../actions/event-payload.ts';
import { ACTION_KINDS } from '../actions/kinds.ts';
import { joinSecrets, openSecrets, openSigningSecret } from '../actions/secrets.ts';
import type { EventWire } from '../events/contract.ts';
import { compileCondition } from '../matching/conditions.ts';
import { type MatchableEvent, matchable } from '../matching/event.ts';
import type { Rule } from '../matching/rule.ts';
import type { ActionRow } from '../rules/store.ts';
import { Evaluator, groupOf } from '../state/evaluator.ts';
import type { StateValues } from '../state/machine.ts';
import { readStates } from '../state/store.ts';
import { findEvent } from './range-store.ts';
import { sampleEvent } from './sample.ts';
import { findSubject, ruleOnTrial, type Subject } from './subject.ts';

export interface TrialDeps {
  keyRing: KeyRing;
  /** The release, for the user agent. */
  version: string;
}

interface TrialInput {
  event?: Readonly<Record<string, string | number | null>> | undefined;
  event_id?: string | undefined;
}

/** Says what the trigger would make of an event, and sends nothing. @throws AppError `not_found`; `validation_failed` */
export async function tryTrigger(ctx: OrganizationCtx, deps: TrialDeps, triggerId: string, input: TrialInput) {
  permit(ctx, 'triggers:read');
  const subject = await findSubject(ctx, triggerId);
  const row = await eventOf(ctx, subject, input);
  const event = matchable(row.id, row);
  const outcome = await judge(ctx, subject, event);
  const actions = await Promise.all(
    subject.actions.map((action) => render(ctx, deps, subject, { action, event: row, state: outcome.values })),
  );
  const { fires, reason, conditions } = outcome;
  // The payload has the fields of its kind; which those are is not for the type to say.
  return { data: { fires, reason, conditions, event: eventPayload(row) as EventWire, actions } };
}

async function eventOf(ctx: OrganizationCtx, { trigger }: Subject, { event, event_id }: TrialInput): Promise<EventRow> {
  if ((event === undefined) === (event_id === undefined))
    throw invalidField('event', 'this or "event_id" is needed, and not both');
  if (event) return sampleEvent(event, trigger, ctx.clock());
  const row = await findEvent(ctx.db.query, event_id ?? '');
  if (!row) throw notFound('Event');
  return row;
}

/** Condition by condition. Those that remember are asked with what they remember now, if the event gets to them. */
async function judge(ctx: OrganizationCtx, { trigger, stored }: Subject, event: MatchableEvent) {
  const rule = ruleOnTrial(stored);
  const passes = rule?.accepts(event) ?? false;
  const remembered = rule && passes ? await ask(ctx, rule, event) : undefined;
  const conditions = stored.conditions.map((condition) => {
    const compiled = compileCondition(condition, trigger.registry);
    const { id, condition_type } = condition;
    if (compiled.ok && 'predicate' in compiled)
      return { id, condition_type, holds: compiled.predicate(event), values: {} };
    const step = remembered?.steps.get(id);
    return { id, condition_type, holds: step?.holds ?? null, values: { ...step?.values } };
  });
  const fires = passes && (remembered?.fires ?? false);
  return { fires, reason: fires ? null : reasonOf(trigger, rule, event), conditions, values: remembered?.values ?? {} };
}

/** Why a trigger does not fire where its conditions do not say it. */
function reasonOf(trigger: Subject['trigger'], rule: Rule | undefined, event: MatchableEvent): string | null {
  if (!rule) return 'The trigger has no conditions, and match_all is not set';
  if (event.registry !== trigger.registry) return `The event is of the ${event.registry} registry`;
  if (trigger.chainId !== null && event.chainId !== trigger.chainId) return `The event is of chain ${event.chainId}`;
  return null;
}

async function ask(ctx: OrganizationCtx, rule: Rule, event: MatchableEvent) {
  const keys = (['agent', 'trigger'] as const).map((scope) => ({
    triggerId: rule.triggerId,
    groupKey: groupOf(scope, event),
  }));
  const rows = rule.stateful.length === 0 ? [] : await readStates(ctx.db.query, keys);
  const at = Math.floor(event.blockTime.getTime() / 1_000);
  const before = new Evaluator(rows, () => rule);
  const steps = new Map<number, { holds: boolean; values?: StateValues }>();
  for (const condition of rule.stateful) {
    const memory = before.memoryOf(condition, groupOf(condition.machine.scope, event));
    const { gate } = condition.machine;
    steps.set(condition.id, gate ? condition.machine.onTime(memory, at) : condition.machine.onEvent(memory, event, at));
  }
  const values = Object.assign({}, ...[...steps.values()].map((step) => step.values ?? {})) as StateValues;
  return { steps, values, fires: [...steps.values()].every(({ holds }) => holds) };
}

interface Rendering {
  action: ActionRow;
  event: EventRow;
  state: StateValues;
}

async function render(
  ctx: OrganizationCtx,
  deps: TrialDeps,
  { trigger }: Subject,
  { action, event, state }: Rendering,
) {
  const secrets = await openSecrets(deps.keyRing, trigger.id, action.sealedSecrets);
  const delivery = {
    ...{ id: newUuid(), attempt: 1, kind: 'fire' as const, retracts: null, state, event },
    trigger: { id: trigger.id, name: trigger.name },
    config: joinSecrets(action.config, secrets),
    signingSecret: await openSigningSecret(deps.keyRing, trigger.id, action.sealedSigningSecret),
  };
  const preview = await ACTION_KINDS[action.actionType].preview(delivery, { clock: ctx.clock, version: deps.version });
  const { id, actionType: action_type } = action;
  if (!preview.ok) return { id, action_type, rendered: null, error: preview.reason };
  return { id, action_type, rendered: preview.rendered, error: null };
}
