import type { Registry } from '../../chain/events.ts';
import { accessOfAll } from './access.ts';
import { type ConditionInput, compileCondition } from './conditions.ts';
import type { CompiledPredicate } from './predicate.ts';

/** What a trigger asks of whoever matches it. */
export interface TriggerSize {
  /** It can fire, and nothing tells which events it is about: every event of its registry has to be looked at. */
  readonly broad: boolean;
  /** Conditions inside its groups. */
  readonly grouped: number;
  /** Regular expressions. */
  readonly patterns: number;
}

/** Of conditions that compile; others add nothing. Whether the trigger is enabled is not looked at. */
export function sizeOfTrigger(
  conditions: readonly ConditionInput[],
  registry: Registry,
  matchAll: boolean,
): TriggerSize {
  const stateless = conditions.flatMap((condition): CompiledPredicate[] => {
    const compiled = compileCondition(condition, registry);
    return compiled.ok && 'predicate' in compiled ? [compiled] : [];
  });
  const sum = (part: 'grouped' | 'patterns') =>
    stateless.reduce((total, { weight }) => total + (weight?.[part] ?? 0), 0);
  return {
    broad: (conditions.length > 0 || matchAll) && !accessOfAll(stateless.map(({ access }) => access)),
    grouped: sum('grouped'),
    patterns: sum('patterns'),
  };
}
