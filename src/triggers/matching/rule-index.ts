import type { Registry } from '../../chain/events.ts';
import { accessKeyOf } from './comparison.ts';
import type { MatchableEvent } from './event.ts';
import { ACCESS_FIELDS, type AccessField } from './predicate.ts';
import type { Rule } from './rule.ts';

type Bucket = Map<string, Rule>;

/**
 * The rules of one chain, found by what an event must have for them to accept it: the agent where a rule names agents,
 * else the event type where it names types, else only the registry. So an event meets the rules about its own agent and
 * type, not those about all others. Candidates still have to be asked whether they accept the event.
 */
export class RuleIndex {
  readonly #rules = new Map<string, Rule>();
  readonly #buckets = new Map<string, Bucket>();

  get size(): number {
    return this.#rules.size;
  }

  /** Adds the rule, or replaces the one of the same trigger. */
  put(rule: Rule): void {
    this.remove(rule.triggerId);
    this.#rules.set(rule.triggerId, rule);
    for (const address of addressesOf(rule)) {
      const bucket = this.#buckets.get(address);
      if (bucket) bucket.set(rule.triggerId, rule);
      else this.#buckets.set(address, new Map([[rule.triggerId, rule]]));
    }
  }

  remove(triggerId: string): void {
    const rule = this.#rules.get(triggerId);
    if (!rule) return;
    this.#rules.delete(triggerId);
    for (const address of addressesOf(rule)) {
      const bucket = this.#buckets.get(address);
      bucket?.delete(triggerId);
      if (bucket?.size === 0) this.#buckets.delete(address);
    }
  }

  /** Every rule that may accept the event, each once; among them every rule that does. */
  *candidates(event: MatchableEvent): Generator<Rule, void, undefined> {
    for (const field of ACCESS_FIELDS) {
      const key = accessKeyOf(field, event);
      if (key !== undefined) yield* this.#at(addressOf(event.registry, field, key));
    }
    yield* this.#at(event.registry);
  }

  #at(address: string): Iterable<Rule> {
    return this.#buckets.get(address)?.values() ?? [];
  }
}

const addressOf = (registry: Registry, field: AccessField, key: string) => `${registry} ${field} ${key}`;

/** A rule stands under one field only, so that no event meets it twice. */
const addressesOf = ({ registry, access }: Rule): readonly string[] =>
  access ? access.keys.map((key) => addressOf(registry, access.field, key)) : [registry];
