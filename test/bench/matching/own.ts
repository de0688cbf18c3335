/** Weir's index and engine, and a loop over all rules as one would write it by hand for exactly these. */
import { type MatchableEvent, matchable } from '../../../src/triggers/matching/event.ts';
import { compileTrigger, type Rule, type StoredTrigger } from '../../../src/triggers/matching/rule.ts';
import { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { type BenchEngine, runSlice } from './slice.ts';
import type { BenchEvent, BenchRule } from './workload.ts';

const MADE = new Date('2026-01-01T00:00:00Z');
const HASH = `0x${'00'.repeat(32)}`;

const condition = (id: number, field: string, operator: string, value: string) => ({
  ...{ id, condition_type: 'field', field, operator, value, config: null },
});

function storedTrigger(rule: BenchRule): StoredTrigger {
  const type = condition(1, 'event_type', 'equals', rule.type);
  const more =
    rule.about === 'agent'
      ? condition(2, 'agent_id', 'equals', rule.agent)
      : rule.about === 'tag'
        ? condition(2, 'tag1', 'equals', rule.tag)
        : rule.about === 'window'
          ? condition(2, 'score', 'between', `${rule.from.toFixed(9)},${rule.to.toFixed(9)}`)
          : condition(2, 'score', 'gt', String(rule.above));
  return {
    ...{ id: rule.id, version: 1, chainId: null, registry: 'reputation', enabled: true, matchAll: false },
    ...{ confirmations: null, createdAt: MADE, conditions: [type, more] },
  };
}

const asEvent = ({ type, agent, score, tag }: BenchEvent): MatchableEvent =>
  matchable('event', {
    ...{ chainId: 1, registry: 'reputation', eventType: type, blockNumber: 1, blockHash: HASH, blockTime: MADE },
    ...{ transactionHash: HASH, logIndex: 0 },
    fields: {
      ...{ agent_id: agent, score: String(score), tag1: tag, tag2: '', endpoint: '', feedback_uri: '' },
      ...{ value: String(score * 100), value_decimals: 2, client_address: `0x${'a1'.repeat(20)}`, feedback_hash: HASH },
    },
  });

/** An event is brought into the engine's form once, as its matcher does, however often it is asked about. */
function once<T>(convert: (event: BenchEvent) => T): (event: BenchEvent) => T {
  const known = new Map<BenchEvent, T>();
  return (event) => {
    const found = known.get(event) ?? convert(event);
    known.set(event, found);
    return found;
  };
}

function compiled(rule: BenchRule): Rule {
  const trigger = compileTrigger(storedTrigger(rule));
  if (trigger.state !== 'active') throw new Error(JSON.stringify(trigger));
  return trigger.rule;
}

function filled(rules: Iterable<Rule>): RuleIndex {
  const index = new RuleIndex();
  for (const rule of rules) index.put(rule);
  // As a matcher does that has read its rules.
  index.settle();
  return index;
}

const countAccepting = (rules: readonly Rule[], event: MatchableEvent) => {
  let count = 0;
  for (const rule of rules) if (rule.accepts(event)) count += 1;
  return count;
};

/** From stored triggers to fires: everything but the database. */
const whole: BenchEngine = {
  prepare(rules) {
    const stored = rules.map(storedTrigger);
    const event = once(asEvent);
    return () => {
      const index = new RuleIndex();
      for (const trigger of stored) {
        const result = compileTrigger(trigger);
        if (result.state === 'active') index.put(result.rule);
      }
      index.settle();
      return {
        match: (raw) => countAccepting(index.candidates(event(raw)), event(raw)),
        indexBytes: () => index.bytes,
      };
    };
  },
};

/** The index alone, over rules that are there already: what it costs to find candidates. */
const indexOnly: BenchEngine = {
  prepare(rules) {
    // One rule of each sort is compiled; a million compiled rules would measure the garbage collector.
    const accepts = () => true;
    const made = rules.map((rule): Rule => {
      const { access, firesOn, registry, stateful, version } = compiled(rule);
      return { triggerId: rule.id, version, registry, firesOn, access, accepts, stateful };
    });
    const event = once(asEvent);
    return () => {
      const index = filled(made);
      return { match: (raw) => index.candidates(event(raw)).length, indexBytes: () => index.bytes };
    };
  },
};

const scan: BenchEngine = {
  prepare: (rules) => () => ({
    match(event) {
      let count = 0;
      for (const rule of rules) if (rule.type === event.type && meets(rule, event)) count += 1;
      return count;
    },
  }),
};

function meets(rule: BenchRule, event: BenchEvent): boolean {
  if (rule.about === 'agent') return rule.agent === event.agent;
  if (rule.about === 'window') return rule.from <= event.score && event.score <= rule.to;
  return rule.about === 'tag' ? rule.tag === event.tag : event.score > rule.above;
}

await runSlice({ whole, index: indexOnly, scan });
