import type { MatchableEvent } from './event.ts';

/** Whether a condition holds for an event. */
export type Predicate = (event: MatchableEvent) => boolean;

/** Fields that an index looks rules up by, the most selective first. */
export const ACCESS_FIELDS = ['agent_id', 'event_type'] as const;

export type AccessField = (typeof ACCESS_FIELDS)[number];

/** What an index may rely on: where the condition holds, the event's `field` is one of `keys`, in canonical spelling. */
export interface AccessKeys {
  readonly field: AccessField;
  readonly keys: readonly string[];
}

/** `path` names the faulty member as the public contract spells it: `field`, `config.case_sensitive`. */
export interface Refusal {
  readonly ok: false;
  readonly path: string;
  readonly message: string;
}

export interface CompiledPredicate {
  readonly ok: true;
  readonly predicate: Predicate;
  readonly access?: AccessKeys;
}

export type CompiledCondition = CompiledPredicate | Refusal;

export const refuse = (path: string, message: string): Refusal => ({ ok: false, path, message });
