import { createHash } from 'node:crypto';
import type { Registry } from '../../chain/events.ts';
import type { StateMachine } from '../state/machine.ts';
import { type Access, accessOfAll } from './access.ts';
import { type ConditionInput, compileCondition } from './conditions.ts';
import { type MatchableEvent, wholeSeconds } from './event.ts';
import type { CompiledPredicate, Work } from './predicate.ts';

export interface StoredCondition extends ConditionInput {
  id: number;
}

/** A trigger as it is stored, with all of its conditions. */
export interface StoredTrigger {
  id: string;
  version: number;
  /** `null`: every watched chain. */
  chainId: number | null;
  registry: Registry;
  enabled: boolean;
  matchAll: boolean;
  /** `null`: fire when the chain's own depth is reached; 0: when the event is first seen. */
  confirmations: number | null;
  createdAt: Date;
  conditions: readonly StoredCondition[];
}

/** A trigger that can fire, compiled. */
export interface Rule {
  readonly triggerId: string;
  readonly version: number;
  readonly registry: Registry;
  /** The entry of the feed on which it fires. */
  readonly firesOn: 'event' | 'confirm';
  /** What an index may find it by: an event with none of these values is not accepted. */
  readonly access: Access | undefined;
  /** Whether all that the trigger asks of the event itself holds. */
  accepts(event: MatchableEvent, work?: Work): boolean;
  /** Conditions that remember: they see the events that are accepted, and decide whether the trigger fires. */
  readonly stateful: readonly StatefulCondition[];
}

export interface StatefulCondition {
  readonly id: number;
  /** Another one for every definition. */
  readonly fingerprint: string;
  readonly machine: StateMachine;
}

/** Why a stored condition cannot be evaluated; `path` and `message` as its writer would have been told. */
export interface ConditionFault {
  conditionId: number;
  path: string;
  message: string;
}

/** `silent`: there is nothing for it to fire on, by its owner's choice; `broken`: it would fire, but cannot be read. */
export type CompiledTrigger =
  | { state: 'active'; rule: Rule }
  | { state: 'silent' }
  | { state: 'broken'; faults: ConditionFault[] };

/**
 * How far a chain's clock may be behind ours, in seconds. A sequencer stamps blocks seconds late, and an event that its
 * owner caused right after making the trigger must not be taken for an old one.
 */
const CLOCK_TOLERANCE = 60;

/**
 * Compiles a whole trigger. All conditions must hold, and a trigger without any fires only with `match_all`. Events
 * from before the trigger was made never fire, so that a backfill does not flood its owner; both moments are compared in
 * whole seconds, since a block's time has no fraction, and with `CLOCK_TOLERANCE`. A trigger with a condition that does not compile is `broken` as
 * a whole: leaving the condition out would fire on what its owner excluded.
 */
export function compileTrigger(trigger: StoredTrigger): CompiledTrigger {
  const { registry, chainId, conditions } = trigger;
  if (!trigger.enabled || (conditions.length === 0 && !trigger.matchAll)) return { state: 'silent' };
  const faults: ConditionFault[] = [];
  const compiled: CompiledPredicate[] = [];
  const stateful: StatefulCondition[] = [];
  for (const condition of conditions) {
    const result = compileCondition(condition, registry);
    if (result.ok && 'state' in result) stateful.push(remembering(condition, result.state));
    else if (result.ok) compiled.push(result);
    else faults.push({ conditionId: condition.id, path: result.path, message: result.message });
  }
  if (trigger.confirmations === 0) faults.push(...stateful.map(({ id }) => ({ conditionId: id, ...NEEDS_DEPTH })));
  if (faults.length > 0) return { state: 'broken', faults };
  const predicates = compiled.map(({ predicate }) => predicate);
  const since = wholeSeconds(trigger.createdAt) - CLOCK_TOLERANCE;
  const accepts = (event: MatchableEvent, work?: Work) => {
    if (event.registry !== registry || (chainId !== null && event.chainId !== chainId)) return false;
    if (wholeSeconds(event.blockTime) < since) return false;
    for (const holds of predicates) if (!holds(event, work)) return false;
    return true;
  };
  return {
    state: 'active',
    rule: {
      triggerId: trigger.id,
      version: trigger.version,
      registry,
      firesOn: trigger.confirmations === 0 ? 'event' : 'confirm',
      access: accessOfAll(compiled.map(({ access }) => access)),
      accepts,
      stateful,
    },
  };
}

/** What was remembered of an event that is taken back could not be forgotten. */
export const NEEDS_DEPTH = {
  path: 'confirmations',
  message: 'must not be 0 for a trigger with stateful conditions, which see events only at the depth of their chain',
} as const;

function remembering(condition: StoredCondition, machine: StateMachine): StatefulCondition {
  const { id, condition_type, field, operator, value, config } = condition;
  const definition = JSON.stringify([condition_type, field, operator, value, config]);
  return { id, fingerprint: createHash('sha256').update(definition).digest('base64'), machine };
}
