import type { CompiledState } from '../state/machine.ts';
import type { Access } from './access.ts';
import type { MatchableEvent } from './event.ts';

/** What searches for patterns have cost: instructions of their programs times characters of the texts, at most. */
export interface Work {
  spent: number;
}

/** Whether a condition holds for an event. What it costs to find out is added to the work, where it is more than little. */
export type Predicate = (event: MatchableEvent, work?: Work) => boolean;

/** `path` names the faulty member as the public contract spells it: `field`, `config.conditions.2.value`. */
export interface Refusal {
  readonly ok: false;
  readonly path: string;
  readonly message: string;
}

/** What a condition weighs against the bounds of a trigger. */
export interface Weight {
  /** Conditions inside groups. */
  readonly grouped: number;
  /** Regular expressions. */
  readonly patterns: number;
}

/** A condition that looks at one event only. */
export interface CompiledPredicate {
  readonly ok: true;
  readonly predicate: Predicate;
  readonly access?: Access;
  /** Where it is more than nothing. */
  readonly weight?: Weight;
}

export type CompiledComparison = CompiledPredicate | Refusal;

export type CompiledCondition = CompiledPredicate | CompiledState | Refusal;

export const refuse = (path: string, message: string): Refusal => ({ ok: false, path, message });
