import type { MatchableEvent } from '../matching/event.ts';
import type { Weight } from '../matching/predicate.ts';

/** What a condition remembers, as plain JSON. */
export type Memory = { readonly [name: string]: MemoryValue };
type MemoryValue = string | number | boolean | null | readonly MemoryValue[];

/** Whose events share a memory: those of one agent, or all that the trigger sees on the chain. */
export type Scope = 'agent' | 'trigger';

/** What templates may show of a condition's memory, by name: `ema`, `count`. */
export type StateValues = Readonly<Record<string, string | number | null>>;

/** What an event or the passing of time came to. */
export interface Step {
  memory: Memory;
  holds: boolean;
  /** What is due later is about this event. */
  anchors?: boolean;
  values?: StateValues;
}

/**
 * A condition that remembers. All times are the chain's, in whole seconds since 1970, so that the same events give the
 * same outcome whenever they are evaluated. Every method is pure.
 */
export interface StateMachine {
  readonly kind: string;
  readonly scope: Scope;
  /** Asked, by `onTime`, only when all other conditions hold: whether the trigger may fire now. */
  readonly gate: boolean;
  onEvent(memory: Memory | undefined, event: MatchableEvent, at: number): Step;
  /** When it may hold without another event; nothing when it never does. */
  dueAt(memory: Memory): number | undefined;
  /** Whether it may ever be due. */
  readonly waits: boolean;
  /**
   * From when on, in seconds since 1970, nothing comes of the memory that would not come of none; nothing when that never
   * is by itself. 0: at once.
   */
  endsAt(memory: Memory): number | undefined;
  /** It is due; of a gate, the trigger is about to fire. */
  onTime(memory: Memory | undefined, at: number): Step;
  /** The trigger fired. */
  onFire(memory: Memory, at: number): Memory;
}

/** A stateful condition that was compiled. */
export interface CompiledState {
  readonly ok: true;
  readonly state: StateMachine;
  /** Where it is more than nothing. */
  readonly weight?: Weight;
}

/** A machine of the parts that it needs; what is left out does nothing. */
export function machine<M extends Memory>(parts: {
  kind: string;
  scope: Scope;
  gate?: boolean;
  onEvent?(memory: M | undefined, event: MatchableEvent, at: number): Step & { memory: M };
  dueAt?(memory: M): number | undefined;
  endsAt?(memory: M): number | undefined;
  onTime?(memory: M | undefined, at: number): Step & { memory: M };
  onFire?(memory: M, at: number): M;
}): StateMachine {
  // What comes back in is what this machine gave out: the store keeps it under a fingerprint of the condition.
  const own = (memory: Memory) => memory as M;
  return {
    kind: parts.kind,
    scope: parts.scope,
    gate: parts.gate ?? false,
    onEvent: (memory, event, at) =>
      parts.onEvent?.(memory && own(memory), event, at) ?? { memory: memory ?? {}, holds: true },
    dueAt: (memory) => parts.dueAt?.(own(memory)),
    waits: parts.dueAt !== undefined,
    endsAt: (memory) => parts.endsAt?.(own(memory)),
    onTime: (memory, at) => parts.onTime?.(memory && own(memory), at) ?? { memory: memory ?? {}, holds: false },
    onFire: (memory, at) => parts.onFire?.(own(memory), at) ?? memory,
  };
}
