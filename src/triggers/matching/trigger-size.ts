import type { Registry } from '../../chain/events.ts';
import { accessOfAll } from './access.ts';
import { type ConditionInput, compileCondition } from './conditions.ts';

/** What a trigger asks of whoever matches it. */
export interface TriggerSize {
  /**
   * It can fire, and nothing tells which events it is about: every event of its registry has to be looked at. Or it
   * remembers, and nothing but a type or a bound tells which: there is a memory to be moved for most events.
   */
  readonly broad: boolean;
  /** Conditions inside its groups. */
  readonly grouped: number;
  /** Regular expressions. */
  readonly patterns: number;
  /** Conditions that remember. */
  readonly stateful: number;
}

/** Of conditions that compile; others add nothing. Whether the trigger is enabled is not looked at. */
export function sizeOfTrigger(
  conditions: readonly ConditionInput[],
  registry: Registry,
  matchAll: boolean,
): TriggerSize {
  const compiled = conditions.flatMap((condition) => {
    const result = compileCondition(condition, registry);
    return result.ok ? [result] : [];
  });
  const access = accessOfAll(compiled.map((part) => ('predicate' in part ? part.access : undefined)));
  const stateful = compiled.filter((part) => 'state' in part).length;
  const sum = (part: 'grouped' | 'patterns') =>
    compiled.reduce((total, { weight }) => total + (weight?.[part] ?? 0), 0);
  const found = stateful > 0 ? access?.terms?.every(({ field }) => field !== 'event_type') : access;
  return {
    broad: (conditions.length > 0 || matchAll) && !found,
    grouped: sum('grouped'),
    patterns: sum('patterns'),
    stateful,
  };
}
