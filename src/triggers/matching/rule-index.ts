import type { EventField, Registry } from '../../chain/events.ts';
import type { Access, AccessRange } from './access.ts';
import { accessKeyOf } from './comparison.ts';
import type { MatchableEvent } from './event.ts';
import { hash53 } from './hash.ts';
import type { Rule } from './rule.ts';
import { SlotTable } from './slot-table.ts';
import { SortedRuns } from './sorted-runs.ts';
import { textIn } from './text-in.ts';

/** What rules are found by: the registry, and then a value of a field, a bound of a number, both or neither. */
interface Shape {
  readonly id: number;
  readonly registry: Registry;
  readonly term: EventField | undefined;
  readonly range: Pick<AccessRange, 'field' | 'side'> | undefined;
}

/** Marks a place of a rule that has more than one. */
const ONE_OF_MANY = 0x8000_0000;

/** Places of removed rules are swept out when there are so many, and a quarter as many as rules. */
const SWEEP_FROM = 1_024;

/**
 * The rules of one chain, found by what an event must have for them to accept it. A rule about an agent, an address, a
 * tag or the like stands under that value; another one under its event type, sorted by a bound that it sets for a number,
 * if it has any. So an event meets the rules about what it is about, and its cost does not grow with those about other
 * things. Candidates still have to be asked whether they accept the event.
 */
export class RuleIndex {
  readonly #rules: (Rule | undefined)[] = [];
  readonly #slots = new SlotTable((slot) => this.#rules[slot]?.triggerId);
  readonly #places = new SortedRuns((place) => this.#retired.length === 0 || this.#rules[slotOf(place)] !== undefined);
  readonly #shapes = new Map<Registry, Map<string, Shape>>();
  #shapeCount = 0;
  /** Slots that can be used, and those that can be when no place refers to them any more. */
  #free: number[] = [];
  #retired: number[] = [];

  get size(): number {
    return this.#slots.size;
  }

  /** Memory that the index takes beside the rules themselves, without what the engine adds to a list of references. */
  get bytes(): number {
    return this.#places.bytes + this.#slots.bytes + 8 * this.#rules.length;
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
    const { range, terms } = soughtBy(rule.access);
    const shape = this.#shapeOf(rule.registry, terms?.[0]?.field, range);
    const bound = range?.bound ?? 0;
    if (!terms) this.#places.add(keyOf(shape.id, ''), bound, slot);
    const mark = terms && terms.length > 1 ? ONE_OF_MANY : 0;
    for (const { field, key } of terms ?? []) {
      const { id } = field === shape.term ? shape : this.#shapeOf(rule.registry, field, range);
      this.#places.add(keyOf(id, key), bound, (slot | mark) >>> 0);
    }
  }

  remove(triggerId: string): void {
    const slot = this.#slots.get(triggerId);
    if (slot === undefined) return;
    this.#slots.delete(triggerId);
    this.#rules[slot] = undefined;
    this.#retired.push(slot);
    if (this.#retired.length >= SWEEP_FROM && this.#retired.length * 4 >= this.size) this.#sweep();
  }

  /** Every rule that may accept the event, each once; among them every rule that does. */
  candidates(event: MatchableEvent): Rule[] {
    const places: number[] = [];
    for (const shape of this.#shapes.get(event.registry)?.values() ?? []) this.#collect(shape, event, places);
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

  #collect({ id, term, range }: Shape, event: MatchableEvent, places: number[]): void {
    const text = term === undefined ? '' : accessKeyOf(term, event);
    if (text === undefined) return;
    const number = range ? numberIn(event, range.field) : 0;
    if (number === undefined) return;
    const least = range?.side === 'to' ? number : Number.NEGATIVE_INFINITY;
    const most = range?.side === 'from' ? number : Number.POSITIVE_INFINITY;
    this.#places.collect(keyOf(id, text), least, most, places);
  }

  #shapeOf(registry: Registry, term: EventField | undefined, range: AccessRange | undefined): Shape {
    const known = this.#shapes.get(registry) ?? new Map<string, Shape>();
    this.#shapes.set(registry, known);
    const name = `${term ?? ''} ${range?.side ?? ''} ${range?.field ?? ''}`;
    const shape = known.get(name) ?? { id: this.#shapeCount++, registry, term, range };
    known.set(name, shape);
    return shape;
  }

  #sweep(): void {
    this.#places.compact();
    this.#free = this.#free.concat(this.#retired);
    this.#retired = [];
  }
}

/** There are fewer shapes: 3 registries, 30 fields for terms and 8 for bounds, of which not all are combined. */
const SHAPES = 2_048;

/**
 * 42 bits of hash, and the shape in the lowest 11: places of different shapes never share a key, so that an event, which has
 * one value for a shape, meets a place once at most. Texts that collide cost a look, no more.
 */
const keyOf = (shapeId: number, text: string) => Math.floor(hash53(text) / SHAPES) * SHAPES + shapeId;

const slotOf = (place: number) => place & 0x7fff_ffff;

/** A bound narrows only what is not narrow: the rules of an event type, or of a whole registry. */
function soughtBy(access: Access | undefined): Access {
  const { terms, range } = access ?? {};
  return terms?.every(({ field }) => field !== 'event_type')
    ? { terms }
    : { ...(terms && { terms }), ...(range && { range }) };
}

/** The event's number as bounds are kept; `undefined` where it has none. */
function numberIn(event: MatchableEvent, field: EventField): number | undefined {
  const text = textIn(event, field);
  const number = text === undefined ? Number.NaN : Math.fround(Number(text));
  return Number.isNaN(number) ? undefined : number;
}
