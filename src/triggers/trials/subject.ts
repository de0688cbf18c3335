import type { OrganizationCtx } from '../../access/ctx.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { compileTrigger, type Rule, type StoredTrigger } from '../matching/rule.ts';
import * as rules from '../rules/store.ts';

/** A trigger under trial. */
export interface Subject {
  trigger: rules.TriggerRow;
  stored: StoredTrigger;
  actions: rules.ActionRow[];
}

/** @throws AppError `not_found` */
export async function findSubject(ctx: OrganizationCtx, triggerId: string): Promise<Subject> {
  const key = { organizationId: ctx.organizationId, triggerId };
  const [trigger, conditions, actions] = await Promise.all([
    rules.findTrigger(ctx.db.query, key),
    rules.listConditions(ctx.db.query, key),
    rules.listActions(ctx.db.query, key),
  ]);
  if (!trigger) throw notFound('Trigger');
  const stored = {
    ...trigger,
    conditions: conditions.map(({ conditionType, ...row }) => ({ ...row, condition_type: conditionType })),
  };
  return { trigger, stored, actions };
}

/** The beginning of time: on trial an event may be older than the trigger. */
const ALWAYS = new Date(0);

/**
 * The rule that the trigger would be if it were enabled; nothing when there is nothing for it to fire on.
 * @throws AppError `bad_request` when a stored condition cannot be read by this release
 */
export function ruleOnTrial(stored: StoredTrigger): Rule | undefined {
  const compiled = compileTrigger({ ...stored, enabled: true, createdAt: ALWAYS });
  if (compiled.state === 'active') return compiled.rule;
  if (compiled.state === 'silent') return undefined;
  const faults = compiled.faults.map(({ conditionId, message }) => `condition ${conditionId}: ${message}`);
  throw new AppError('bad_request', `The trigger cannot be evaluated: ${faults.join('; ')}`);
}
