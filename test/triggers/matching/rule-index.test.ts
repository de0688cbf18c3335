import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MatchableEvent } from '../../../src/triggers/matching/event.ts';
import {
  compileTrigger,
  type Rule,
  type StoredCondition,
  type StoredTrigger,
} from '../../../src/triggers/matching/rule.ts';
import { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { condition, sampleEvent, sampleTrigger } from './samples.ts';

const OWNER = `0x${'b2'.repeat(20)}`;
const ZERO = `0x${'0'.repeat(40)}`;

const agent = fc.constantFrom('0', '7', '8', (2n ** 256n - 1n).toString());
const agentLiteral = fc.constantFrom('0', '7', '7.0', '+8', '7.5', '007', (2n ** 256n - 1n).toString());
const typeName = fc.constantFrom(
  'Registered',
  'AgentMinted',
  'AgentBurned',
  'Transfer',
  'URIUpdated',
  'agentregistered',
);
const list = (items: fc.Arbitrary<string>) =>
  fc.array(items, { minLength: 1, maxLength: 3 }).map((all) => all.join(','));
/** Numbers that 32-bit floats, and some that doubles, cannot tell from their neighbours. */
const bound = fc.constantFrom(
  '-1',
  '0',
  '87',
  '87.00000001',
  '16777217',
  '0.1',
  (2n ** 60n + 1n).toString(),
  `-${'9'.repeat(60)}`,
);
const loose = { case_sensitive: false };

type Unnumbered = Omit<StoredCondition, 'id'>;

const anySingle: fc.Arbitrary<Unnumbered> = fc.oneof(
  fc
    .tuple(fc.constantFrom('equals', 'not_equals', 'gte', 'lt'), agentLiteral)
    .map(([op, value]) => condition('agent_id', op, value)),
  fc.tuple(fc.constantFrom('in', 'not_in'), list(agentLiteral)).map(([op, value]) => condition('agent_id', op, value)),
  fc
    .tuple(fc.constantFrom('equals', 'not_equals'), typeName)
    .map(([op, value]) => condition('event_type', op, value, loose)),
  list(typeName).map((value) => condition('event_type', 'in', value, loose)),
  fc.constant(condition('owner', 'equals', OWNER)),
  fc
    .tuple(fc.constantFrom('equals', 'contains', 'matches', 'exists'), fc.constantFrom('a', 'B'), fc.boolean())
    .map(([op, value, case_sensitive]) => condition('tag1', op, value, { case_sensitive })),
  fc
    .tuple(fc.constantFrom('gt', 'gte', 'lt', 'lte', 'equals', 'not_equals'), bound)
    .map(([op, value]) => condition('score', op, value)),
  fc.tuple(bound, bound).map(([low, high]) => condition('score', 'between', `${low},${high}`)),
  fc
    .tuple(fc.constantFrom('gt', 'lte'), fc.constantFrom('0', '1', '2'))
    .map(([op, value]) => condition('log_index', op, value)),
);

const anyCondition = fc.letrec<{ node: Unnumbered }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    { arbitrary: anySingle, weight: 3 },
    fc
      .tuple(fc.constantFrom('any', 'all', 'none'), fc.array(tie('node'), { minLength: 1, maxLength: 3 }))
      .map(([condition_type, conditions]) => ({ ...condition('-', '-', '-', { conditions }), condition_type })),
  ),
})).node;

const anyTrigger = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
  chainId: fc.constantFrom(null, 11155111, 84532),
  registry: fc.constantFrom('identity' as const, 'reputation' as const),
  matchAll: fc.boolean(),
  conditions: fc.array(anyCondition, { maxLength: 3 }).map((all) => all.map((one, id) => ({ id, ...one }))),
});

const anyEvent = fc
  .record({
    eventType: fc.constantFrom('Registered', 'Transfer', 'URIUpdated', 'NewFeedback'),
    agentId: fc.option(agent),
    to: fc.constantFrom(OWNER, ZERO),
    registry: fc.constantFrom('identity' as const, 'reputation' as const),
    logIndex: fc.nat(3),
    score: fc.option(bound),
    tag1: fc.constantFrom('a', 'A', 'b', '', null),
  })
  .map(({ eventType, agentId, to, registry, logIndex, score, tag1 }) =>
    sampleEvent({ eventType, registry, logIndex, fields: { agent_id: agentId, to, owner: OWNER, score, tag1 } }),
  );

/** What happens to the rules: a trigger is added or changed, or one is removed. */
const anyDelta = fc.oneof({ arbitrary: anyTrigger, weight: 4 }, fc.constantFrom('a', 'b', 'c', 'd'));

function change(index: RuleIndex, all: Map<string, Rule>, delta: string | (Partial<StoredTrigger> & { id: string })) {
  const id = typeof delta === 'string' ? delta : delta.id;
  const compiled = typeof delta === 'string' ? undefined : compileTrigger(sampleTrigger(delta));
  if (compiled?.state === 'active') {
    index.put(compiled.rule);
    all.set(id, compiled.rule);
  } else {
    index.remove(id);
    all.delete(id);
  }
}

function expectSame(index: RuleIndex, all: ReadonlyMap<string, Rule>, event: MatchableEvent) {
  const candidates = index.candidates(event);
  expect(new Set(candidates).size).toBe(candidates.length);
  const accepting = (rules: Iterable<Rule>) =>
    [...rules].filter((rule) => rule.accepts(event)).map(({ triggerId }) => triggerId);
  expect(accepting(candidates).sort()).toEqual(accepting(all.values()).sort());
}

/** Rules about one agent each, of which the index and a plain map are told. */
function many() {
  const index = new RuleIndex();
  const all = new Map<string, Rule>();
  const put = (id: string, agentId: number) =>
    change(index, all, { id, conditions: [{ id: 1, ...condition('agent_id', '=', String(agentId)) }] });
  return { index, all, put, remove: (id: string) => change(index, all, id) };
}

describe('the index of rules', () => {
  it('finds what a look at every rule finds, each rule once, whatever is added, changed and removed in between.', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof({ arbitrary: anyDelta, weight: 4 }, anyEvent), { maxLength: 40 }), (steps) => {
        const index = new RuleIndex();
        const all = new Map<string, Rule>();
        for (const step of steps) {
          if (typeof step === 'object' && 'fields' in step) expectSame(index, all, step);
          else change(index, all, step);
        }
        expect(index.size).toBe(all.size);
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds them among thousands that come, change and go.', () => {
    const { put, remove, index, all } = many();
    for (let n = 0; n < 10_000; n += 1) put(`t${n}`, n % 700);
    for (let n = 0; n < 10_000; n += 3) remove(`t${n}`);
    for (let n = 0; n < 10_000; n += 2) put(`t${n}`, n % 300);
    for (let n = 1; n < 10_000; n += 4) remove(`t${n}`);
    for (let n = 0; n < 12_000; n += 5) put(`t${n}`, n % 40);
    expect(index.size).toBe(all.size);
    for (let agentId = 0; agentId < 700; agentId += 1) {
      expectSame(index, all, sampleEvent({ fields: { agent_id: String(agentId) } }));
    }
    for (const id of all.keys()) expect(index.get(id)).toBe(all.get(id));
    expect(index.get('t9999999')).toBeUndefined();
  });

  it('takes no more than forty bytes a rule, and gives back what removed rules took.', () => {
    const { put, remove, index } = many();
    for (let n = 0; n < 20_000; n += 1) put(`t${n}`, n);
    expect(index.bytes / index.size).toBeLessThan(40);
    const full = index.bytes;
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 20_000; n += 1) remove(`t${n}`);
      for (let n = 0; n < 20_000; n += 1) put(`t${n}`, n + round);
    }
    expect(index.bytes).toBeLessThan(full * 1.5);
  });

  it('shows a rule once to an event whose values are the same in many fields.', () => {
    const fields = ['agent_id', 'feedback_index', 'score', 'value', 'tag1', 'tag2', 'endpoint', 'feedback_uri'];
    const index = new RuleIndex();
    for (const field of fields) {
      for (let n = 0; n < 40; n += 1) {
        const conditions = [{ id: 1, ...condition(field, '=', String(n)) }];
        const compiled = compileTrigger(sampleTrigger({ id: `${field} ${n}`, conditions }));
        if (compiled.state === 'active') index.put(compiled.rule);
      }
    }
    for (let n = 0; n < 40; n += 1) {
      const event = sampleEvent({
        fields: Object.fromEntries(fields.map((field, at) => [field, String(n ^ (at % 3))])),
      });
      const found = index.candidates(event).map(({ triggerId }) => triggerId);
      expect(found.sort()).toEqual(
        fields
          .map((field, at) => `${field} ${n ^ (at % 3)}`)
          .filter((id) => !/ 4\d$/.test(id))
          .sort(),
      );
    }
  });

  it('shows an event of a type the rules whose bound it reaches.', () => {
    const index = new RuleIndex();
    for (let score = 0; score <= 1_000; score += 1) {
      const conditions = [
        { id: 1, ...condition('event_type', '=', 'NewFeedback') },
        { id: 2, ...condition('score', score % 2 === 0 ? '>=' : '<', String(score)) },
      ];
      const compiled = compileTrigger(sampleTrigger({ id: `t${score}`, conditions }));
      if (compiled.state === 'active') index.put(compiled.rule);
    }
    const found = (score: string) =>
      index.candidates(sampleEvent({ fields: { score } })).map(({ triggerId }) => Number(triggerId.slice(1)));
    expect(
      found('3')
        .sort((a, b) => a - b)
        .slice(0, 4),
    ).toEqual([0, 2, 3, 5]);
    expect(found('3')).toHaveLength(2 + 499);
    expect(found('-1')).toHaveLength(500);
    expect(index.candidates(sampleEvent({ eventType: 'FeedbackRevoked', fields: { score: '3' } }))).toEqual([]);
  });

  it('shows an event the rules about its own agent, not those about a hundred thousand others.', () => {
    const index = new RuleIndex();
    for (let id = 0; id < 100_000; id += 1) {
      const conditions = [
        { id: 1, ...condition('event_type', '=', 'NewFeedback') },
        { id: 2, ...condition('agent_id', '=', String(id)) },
      ];
      const compiled = compileTrigger(sampleTrigger({ id: `t${id}`, conditions }));
      if (compiled.state === 'active') index.put(compiled.rule);
    }
    expect(index.size).toBe(100_000);
    expect([...index.candidates(sampleEvent())].map((rule) => rule.triggerId)).toEqual(['t7']);
  });

  it('forgets an emptied place, so that rules which come and go leave nothing behind.', () => {
    const index = new RuleIndex();
    const compiled = compileTrigger(
      sampleTrigger({ conditions: [{ id: 1, ...condition('agent_id', 'in', '7,8,9') }] }),
    );
    if (compiled.state !== 'active') throw new Error(compiled.state);
    index.put(compiled.rule);
    index.put({ ...compiled.rule, access: { terms: [{ field: 'agent_id', key: '10' }] } });
    expect([...index.candidates(sampleEvent())]).toEqual([]);
    expect([...index.candidates(sampleEvent({ fields: { agent_id: '10' } }))]).toHaveLength(1);
    index.remove(compiled.rule.triggerId);
    expect([...index.candidates(sampleEvent({ fields: { agent_id: '10' } }))]).toEqual([]);
    expect(index.size).toBe(0);
  });
});
