import type { EventField, Registry } from '../../chain/events.ts';
import type { Access, AccessRange } from './access.ts';
import { accessKeyOf } from './comparison.ts';
import type { MatchableEvent } from './event.ts';
import { hash53 } from './hash.ts';
import type { Rule } from './rule.ts';
import { SlotTable } from './slot-table.ts';
import { SortedRuns } from './sorted-runs.ts';
import { textIn } from './text-in.ts';

/**
 * What rules are found by: the registry, and then a value of a field with an event type beside it or without one, bounds of a number,
 * or nothing more.
 */
interface Shape {
  readonly id: number;
  readonly term: EventField | undefined;
  /** Reads the event's value of the term. */
  readonly keyOf: ((event: MatchableEvent) => string | undefined) | undefined;
  readonly typed: boolean;
  readonly range: EventField | undefined;
  readonly side: Side;
}

/** Which ends of its range a rule sets. */
type Side = 'none' | 'from' | 'to' | 'within';

interface Meeting {
  readonly event: MatchableEvent;
  readonly seed: number;
  /** What the event has met so far. */
  readonly places: number[];
}

/** Marks a place of a rule that has more than one. */
const ONE_OF_MANY = 0x8000_0000;

/** Places of removed rules are swept out when there are so many, and a quarter as many as rules. */
const SWEEP_FROM = 1_024;

/**
 * The rules of one chain, found by what an event must have for them to accept it. A rule about an agent, an address, a
 * tag or the like stands under that value; another one under its event type, sorted by the bounds that it sets for a number,
 * if it has any. So an event meets the rules about what it is about, and its cost does not grow with those about other
 * things. Candidates still have to be asked whether they accept the event.
 */
export class RuleIndex {
  readonly #rules: (Rule | undefined)[] = [];
  readonly #slots = new SlotTable((slot) => this.#rules[slot]?.triggerId);
  readonly #places = new SortedRuns({ ofWindows: false }, (place) => this.#isKept(place));
  /** Places of rules that want a number between two bounds. */
  readonly #windows = new SortedRuns({ ofWindows: true }, (place) => this.#isKept(place));
  readonly #shapes = new Map<string, Shape>();
  readonly #shapesOf = new Map<Registry, Shape[]>();
  /** What the event under way has met so far. */
  readonly #met: number[] = [];
  /** Slots that can be used, and those that can be when no place refers to them any more. */
  #free: number[] = [];
  #retired: number[] = [];

  get size(): number {
    return this.#slots.size;
  }

  /** Memory that the index takes beside the rules themselves, without what the engine adds to a list of references. */
  get bytes(): number {
    return this.#places.bytes + this.#windows.bytes + this.#slots.bytes + 8 * this.#rules.length;
  }

  get(triggerId: string): Rule | undefined {
    const slot = this.#slots.get(triggerId);
    return slot === undefined ? undefined : this.#rules[slot];
  }

  /** Adds the rule, or replaces the one of the same trigger. */
  put(rule: Rule): void {
    this.remove(rule.triggerId);
    const slot = this.#free.pop() ?? this.#rules.length;
    this.#rules[slot] = rule;
    this.#slots.add(rule.triggerId, slot);
    const sought = soughtBy(rule.access);
    const { range, terms, type } = sought;
    const seed = type === undefined ? 0 : seedOf(type);
    const shape = this.#shapeOf(rule.registry, terms?.[0]?.field, sought);
    if (!terms) this.#place(keyOf(shape.id, '', seed), range, slot);
    const mark = terms && terms.length > 1 ? ONE_OF_MANY : 0;
    for (const { field, key } of terms ?? []) {
      const { id } = field === shape.term ? shape : this.#shapeOf(rule.registry, field, sought);
      this.#place(keyOf(id, key, seed), range, (slot | mark) >>> 0);
    }
  }

  /** Makes look-ups as quick as they get, after many rules were added or removed. */
  settle(): void {
    this.#places.compact();
    this.#windows.compact();
    for (const slot of this.#retired) this.#free.push(slot);
    this.#retired = [];
  }

  #place(key: number, range: AccessRange | undefined, place: number): void {
    const { from, to } = range ?? {};
    if (from !== undefined && to !== undefined) this.#windows.add(key, from, place, to);
    else this.#places.add(key, from ?? to ?? 0, place);
  }

  remove(triggerId: string): void {
    const slot = this.#slots.get(triggerId);
    if (slot === undefined) return;
    this.#slots.delete(triggerId);
    this.#rules[slot] = undefined;
    this.#retired.push(slot);
    if (this.#retired.length >= SWEEP_FROM && this.#retired.length * 4 >= this.size) this.settle();
  }

  /** Every rule that may accept the event, each once; among them every rule that does. */
  candidates(event: MatchableEvent): Rule[] {
    const places = this.#met;
    places.length = 0;
    const shapes = this.#shapesOf.get(event.registry);
    if (!shapes) return [];
    const seed = seedOf(typeOf(event) ?? '');
    for (const shape of shapes) this.#collect(shape, { event, seed, places });
    const found: Rule[] = [];
    let met: Set<number> | undefined;
    for (const place of places) {
      const slot = slotOf(place);
      if (place >= ONE_OF_MANY) {
        met ??= new Set();
        if (met.has(slot)) continue;
        met.add(slot);
      }
      const rule = this.#rules[slot];
      if (rule) found.push(rule);
    }
    return found;
  }

  #collect({ id, keyOf: read, typed, range, side }: Shape, { event, seed, places }: Meeting): void {
    const number = range === undefined ? 0 : numberIn(event, range);
    if (number === undefined) return;
    const text = read ? read(event) : '';
    if (text === undefined) return;
    const key = keyOf(id, text, typed ? seed : 0);
    if (side === 'within') this.#windows.collectAround(key, number, places);
    else if (side === 'from') this.#places.collect(key, Number.NEGATIVE_INFINITY, number, places);
    else this.#places.collect(key, side === 'to' ? number : Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, places);
  }

  #shapeOf(registry: Registry, term: EventField | undefined, { range, type }: Access): Shape {
    const side = sideOf(range);
    const typed = type !== undefined;
    const name = `${registry} ${term ?? ''} ${typed} ${side} ${range?.field ?? ''}`;
    const known = this.#shapes.get(name);
    if (known) return known;
    const keyOf = term && accessKeyOf(term);
    const shape: Shape = { id: this.#shapes.size, term, keyOf, typed, range: range?.field, side };
    this.#shapes.set(name, shape);
    this.#shapesOf.set(registry, [...(this.#shapesOf.get(registry) ?? []), shape]);
    return shape;
  }

  #isKept(place: number): boolean {
    return this.#retired.length === 0 || this.#rules[slotOf(place)] !== undefined;
  }
}

function sideOf(range: AccessRange | undefined): Side {
  if (!range) return 'none';
  if (range.from !== undefined && range.to !== undefined) return 'within';
  return range.from === undefined ? 'to' : 'from';
}

/** There are fewer shapes: 3 registries, 30 fields for terms, with a type or without, 8 for bounds
 * with three kinds of ends, of which not all are combined. */
const SHAPES = 2_048;

/**
 * 42 bits of hash, and the shape in the lowest 11: places of different shapes never share a key, so that an event, which has
 * one value for a shape, meets a place once at most. Texts that collide cost a look, no more.
 */
const keyOf = (shapeId: number, text: string, seed: number) =>
  Math.floor(hash53(text, seed) / SHAPES) * SHAPES + shapeId;

/** By which hash values are sought that go with an event type. */
const seedOf = (type: string) => hash53(type) | 0;

const typeOf = accessKeyOf('event_type');

const slotOf = (place: number) => place & 0x7fff_ffff;

/** A bound narrows only what is not narrow: the rules of an event type, or of a whole registry. */
function soughtBy(access: Access | undefined): Access {
  const { terms, type, range } = access ?? {};
  return terms?.every(({ field }) => field !== 'event_type')
    ? { terms, ...(type !== undefined && { type }) }
    : { ...(terms && { terms }), ...(range && { range }) };
}

/** The event's number as bounds are kept; `undefined` where it has none. */
function numberIn(event: MatchableEvent, field: EventField): number | undefined {
  const text = textIn(event, field);
  const number = text === undefined ? Number.NaN : Math.fround(Number(text));
  return Number.isNaN(number) ? undefined : number;
}
