import type { MatchableEvent } from '../matching/event.ts';
import { wholeSeconds } from '../matching/event.ts';
import type { Rule, StatefulCondition } from '../matching/rule.ts';
import { type Due, DueHeap } from './due-heap.ts';
import type { Memory, Scope, StateValues } from './machine.ts';

/** What a condition remembers of one group, and since when it waits for what. */
export interface StateRow {
  triggerId: string;
  conditionId: number;
  groupKey: string;
  fingerprint: string;
  memory: Memory;
  held: boolean;
  dueAt: number | null;
  /** From when on, in seconds since 1970 of the chain's time, the memory is as good as none. */
  endsAt: number;
  anchor: Anchor | null;
}

/** An appearance of an event that something due later is about. */
export interface Anchor {
  eventId: string;
  appearance: number;
}

/** A trigger that fired, on an event or because of the time that has passed since one. */
export interface StatefulFire extends Anchor {
  rule: Rule;
  groupKey: string;
  values: StateValues;
}

/** A year and a month: what a memory that nothing ends by itself lasts, from when it was last touched. */
const LASTS = 400 * 86_400;

const stateKey = (conditionId: number, groupKey: string): string => `${conditionId}/${groupKey}`;

/** The group whose memory the event belongs to. State is kept chain by chain: each has a time of its own. */
export function groupOf(scope: Scope, { chainId, fields }: MatchableEvent): string {
  const agent = fields['agent_id'];
  return scope === 'agent' && agent !== undefined && agent !== null ? `${chainId}:${agent}` : String(chainId);
}

/**
 * Advances the memories of stateful triggers over events in order. Holds what was loaded, and what became of it: the same
 * events give the same fires however they are cut into batches, live or in a back-test.
 */
export class Evaluator {
  readonly #rows: Map<string, StateRow>;
  readonly #changed = new Set<string>();
  readonly #ruleOf: (triggerId: string) => Rule | undefined;

  #due: DueHeap;
  readonly #gone: StateRow[] = [];
  #items = 0;
  #work = 0;

  constructor(rows: Iterable<StateRow>, ruleOf: (triggerId: string) => Rule | undefined) {
    this.#rows = new Map([...rows].map((row) => [stateKey(row.conditionId, row.groupKey), row]));
    this.#ruleOf = ruleOf;
    this.#due = new DueHeap(waiting(this.#rows.values()));
    for (const { memory } of this.#rows.values()) this.#items += itemsOf(memory);
  }

  /** What has to be written and what is to be forgotten. */
  outcome(): { changed: StateRow[]; removed: StateRow[] } {
    return { changed: [...this.#changed].flatMap((key) => this.#rows.get(key) ?? []), removed: this.#gone };
  }

  /** Memories, what is listed in them, and how much of that was gone through so far. */
  load(): { memories: number; items: number; work: number } {
    return { memories: this.#rows.size, items: this.#items, work: this.#work };
  }

  /** Events that something may still be told of. */
  anchors(): Set<string> {
    return new Set([...this.#rows.values()].flatMap(({ anchor }) => anchor?.eventId ?? []));
  }

  /** What is remembered of a condition, as it is defined now. */
  memoryOf(condition: StatefulCondition, groupKey: string): Memory | undefined {
    return this.#known(condition, groupKey)?.memory;
  }

  /** The event has passed all conditions of the trigger that do not remember. */
  onEvent(rule: Rule, event: MatchableEvent, appearance: number): StatefulFire | undefined {
    const at = wholeSeconds(event.blockTime);
    const anchor = { eventId: event.id, appearance };
    let values: StateValues = {};
    let all = true;
    for (const condition of rule.stateful.filter(({ machine }) => !machine.gate)) {
      const key = groupOf(condition.machine.scope, event);
      const before = this.#known(condition, key);
      const step = condition.machine.onEvent(before?.memory, event, at);
      const anchored = step.anchors ? anchor : (before?.anchor ?? null);
      this.#keep(rule, condition, key, { ...step, at, anchor: anchored });
      values = { ...values, ...step.values };
      all &&= step.holds;
    }
    if (!all) return undefined;
    return this.#fire(
      rule,
      { event: anchor, at, groupKey: groupOf('agent', event), keyOf: (s) => groupOf(s, event) },
      values,
    );
  }

  /** Lets the chain's time go on to `at`: what is due by then holds or not, in the order in which it is due. */
  advanceTo(at: number): StatefulFire[] {
    const due: StateRow[] = [];
    for (let next = this.#due.first; next && next.dueAt <= at; next = this.#due.first) {
      this.#due.pop();
      const row = this.#rows.get(stateKey(next.conditionId, next.groupKey));
      // What has come to wait for another time means nothing here, and what stands here twice is due once.
      if (row?.dueAt === next.dueAt && row !== due.at(-1)) due.push(row);
    }
    // Nothing becomes due by what is due itself.
    return due.flatMap((row) => this.#onTime(row, row.dueAt ?? at) ?? []);
  }

  #onTime(row: StateRow, at: number): StatefulFire | undefined {
    const rule = this.#ruleOf(row.triggerId);
    const condition = rule?.stateful.find(({ id }) => id === row.conditionId);
    // Disabled, deleted or redefined since: nobody waits for it any more.
    if (!rule || !condition || condition.fingerprint !== row.fingerprint) {
      this.#forget(row);
      return undefined;
    }
    const step = condition.machine.onTime(row.memory, at);
    this.#keep(rule, condition, row.groupKey, { ...step, at, anchor: row.anchor });
    if (!step.holds || !row.anchor) return undefined;
    const chain = row.groupKey.split(':')[0] ?? '';
    const keyOf = (scope: Scope) => (scope === 'agent' ? row.groupKey : chain);
    const others = rule.stateful.filter(({ id, machine }) => id !== condition.id && !machine.gate);
    if (!others.every((other) => this.#known(other, keyOf(other.machine.scope))?.held)) return undefined;
    // More than one condition may tell of the same event at another time.
    const groupKey = `${row.groupKey}@${condition.id}:${at}`;
    return this.#fire(rule, { event: row.anchor, at, groupKey, keyOf }, step.values ?? {});
  }

  #fire(
    rule: Rule,
    { event, at, groupKey, keyOf }: { event: Anchor; at: number; groupKey: string; keyOf: (scope: Scope) => string },
    values: StateValues,
  ): StatefulFire | undefined {
    const gates = rule.stateful.filter(({ machine }) => machine.gate);
    const steps = gates.map((gate) => ({
      gate,
      step: gate.machine.onTime(this.#known(gate, keyOf(gate.machine.scope))?.memory, at),
    }));
    if (!steps.every(({ step }) => step.holds)) return undefined;
    for (const { gate, step } of steps)
      this.#keep(rule, gate, keyOf(gate.machine.scope), { ...step, at, anchor: null });
    for (const condition of rule.stateful) {
      const key = keyOf(condition.machine.scope);
      const row = this.#known(condition, key);
      if (!row) continue;
      const memory = condition.machine.onFire(row.memory, at);
      if (memory !== row.memory) this.#keep(rule, condition, key, { memory, holds: row.held, at, anchor: row.anchor });
    }
    return { ...event, rule, groupKey, values };
  }

  /** What is remembered of the condition as it is defined now. */
  #known({ id, fingerprint }: StatefulCondition, groupKey: string): StateRow | undefined {
    const row = this.#rows.get(stateKey(id, groupKey));
    return row?.fingerprint === fingerprint ? row : undefined;
  }

  #keep(
    rule: Rule,
    condition: StatefulCondition,
    groupKey: string,
    { memory, holds, at, anchor }: { memory: Memory; holds: boolean; at: number; anchor: Anchor | null },
  ): void {
    const { id, fingerprint, machine } = condition;
    const dueAt = machine.dueAt(memory) ?? null;
    const row: StateRow = {
      triggerId: rule.triggerId,
      conditionId: id,
      groupKey,
      fingerprint,
      memory,
      held: holds,
      dueAt,
      endsAt: (isAskedLater(rule, condition, holds) ? undefined : machine.endsAt(memory)) ?? at + LASTS,
      anchor,
    };
    const key = stateKey(id, groupKey);
    const before = this.#rows.get(key);
    const items = itemsOf(memory);
    this.#items += items - (before ? itemsOf(before.memory) : 0);
    this.#work += 1 + items;
    this.#rows.set(key, row);
    this.#changed.add(key);
    if (dueAt !== null && dueAt !== before?.dueAt) this.#await({ dueAt, conditionId: id, groupKey });
  }

  /** Where most of what the heap holds is out of date, it is made anew. */
  #await(due: Due): void {
    this.#due.push(due);
    if (this.#due.size > 2 * this.#rows.size + 1_000) this.#due = new DueHeap(waiting(this.#rows.values()));
  }

  #forget(row: StateRow): void {
    const key = stateKey(row.conditionId, row.groupKey);
    if (this.#rows.delete(key)) this.#items -= itemsOf(row.memory);
    this.#changed.delete(key);
    this.#gone.push(row);
  }
}

function* waiting(rows: Iterable<StateRow>): Generator<Due, void, undefined> {
  for (const { dueAt, conditionId, groupKey } of rows) if (dueAt !== null) yield { dueAt, conditionId, groupKey };
}

/** Another condition that waits for time to pass asks then whether this one held at last. */
const isAskedLater = (rule: Rule, { id, machine }: StatefulCondition, holds: boolean): boolean =>
  holds && !machine.gate && rule.stateful.some((other) => other.id !== id && other.machine.waits);

/** How much a memory lists. */
const itemsOf = (memory: Memory): number =>
  Object.values(memory).reduce<number>((sum, value) => sum + (Array.isArray(value) ? value.length : 0), 0);
