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
const SETTLE = 'settle';
const loose = { case_sensitive: false };
/** Windows over few numbers, so that ends are shared and events hit them: wide, narrow, and of one number. */
const window = fc.tuple(fc.integer({ min: -2, max: 12 }), fc.constantFrom(0, 0, 1, 2, 9, 1_000));
const inside = fc.integer({ min: -3, max: 14 }).map(String);

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
  window.map(([low, width]) => condition('score', 'between', `${low},${low + width}`)),
  // Two of these make a window, which may be empty.
  fc.tuple(fc.constantFrom('gte', 'gt', 'lte', 'lt'), inside).map(([op, value]) => condition('score', op, value)),
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
    score: fc.option(fc.oneof(bound, inside)),
    tag1: fc.constantFrom('a', 'A', 'b', '', null),
  })
  .map(({ eventType, agentId, to, registry, logIndex, score, tag1 }) =>
    sampleEvent({ eventType, registry, logIndex, fields: { agent_id: agentId, to, owner: OWNER, score, tag1 } }),
  );

/** What happens to the rules: a trigger is added or changed, or one is removed; or the index puts itself in order. */
const anyDelta = fc.oneof({ arbitrary: anyTrigger, weight: 4 }, fc.constantFrom('a', 'b', 'c', 'd', SETTLE));

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

/** Numbers that are the same in every run (a linear congruential generator with the constants of Numerical Recipes). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(most: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * most);
  }
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
          else if (step === SETTLE) index.settle();
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
    const look = () => {
      for (let agentId = 0; agentId < 700; agentId += 5) {
        expectSame(index, all, sampleEvent({ fields: { agent_id: String(agentId) } }));
      }
    };
    look();
    index.settle();
    look();
    for (let n = 0; n < 3_000; n += 1) put(`u${n}`, n % 700);
    look();
    for (const id of all.keys()) expect(index.get(id)).toBe(all.get(id));
    expect(index.get('t9999999')).toBeUndefined();
  });

  it('finds the windows around a number among thousands that come, change and go.', () => {
    const index = new RuleIndex();
    const all = new Map<string, Rule>();
    const random = new Random(7);
    const upTo = (most: number) => random.below(most);
    /** Of one number, narrow, wide, or with an end that many share; some with an agent or no type beside them. */
    const spans = [
      () => [upTo(900), 0],
      () => [upTo(900), upTo(3)],
      () => [upTo(900), upTo(900)],
      () => [100 * upTo(9), 100],
      () => [500, upTo(400)],
    ] as const;
    const put = (id: string) => {
      const [low = 0, width = 0] = spans[upTo(spans.length)]?.() ?? [];
      const conditions = [{ id: 1, ...condition('score', 'between', `${low},${low + width}`) }];
      if (upTo(3) > 0) conditions.push({ id: 2, ...condition('event_type', '=', 'NewFeedback') });
      change(index, all, { id, conditions });
    };
    for (let n = 0; n < 9_000; n += 1) put(`t${n}`);
    for (let n = 0; n < 9_000; n += 3) change(index, all, `t${n}`);
    for (let n = 0; n < 9_000; n += 4) put(`t${n}`);
    for (let score = -1; score <= 1_801; score += 17) {
      const event = sampleEvent({ fields: { score: String(score) } });
      expectSame(index, all, event);
      // Whole numbers this small are kept as they are, so both ends are exact.
      expect(index.candidates(event).every((rule) => rule.accepts(event))).toBe(true);
    }
    expect(index.bytes / index.size).toBeLessThan(48);
  });

  it('takes no more than forty bytes a rule that wants a number between two others.', () => {
    const index = new RuleIndex();
    for (let n = 0; n < 20_000; n += 1) {
      const conditions = [{ id: 1, ...condition('score', 'between', `${n},${n + 2}`) }];
      change(index, new Map(), { id: `t${n}`, conditions });
    }
    expect(index.bytes / index.size).toBeLessThan(40);
    const found = index.candidates(sampleEvent({ fields: { score: '500' } })).map(({ triggerId }) => triggerId);
    expect(found.sort()).toEqual(['t498', 't499', 't500']);
  });

  it('takes two bounds of one number for a window.', () => {
    const index = new RuleIndex();
    const ends = { '[5,9]': ['>=5', '<=9'], '[7,7]': ['>=7', '<=7', '<=100'], '(9,5)': ['>=9', '<=5'] };
    for (const [id, bounds] of Object.entries(ends)) {
      const conditions = bounds.map((text, n) => ({ id: n, ...condition('score', text.slice(0, 2), text.slice(2)) }));
      change(index, new Map(), { id, conditions });
    }
    const found = (score: string) =>
      index.candidates(sampleEvent({ fields: { score } })).map(({ triggerId }) => triggerId);
    expect([4, 5, 7, 9, 10].map((score) => found(String(score)).sort())).toEqual([
      [],
      ['[5,9]'],
      ['[5,9]', '[7,7]'],
      ['[5,9]'],
      [],
    ]);
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

  it('shows an event the rules about its own agent and its own type, where a rule names one of each.', () => {
    const index = new RuleIndex();
    const add = (id: string, types: string, agents: string) => {
      const conditions = [
        { id: 1, ...condition('event_type', 'in', types) },
        { id: 2, ...condition('agent_id', 'in', agents) },
      ];
      change(index, new Map(), { id, conditions });
    };
    add('given', 'NewFeedback', '7');
    add('given to some', 'NewFeedback', '6,7,8');
    add('revoked', 'FeedbackRevoked', '7');
    add('both', 'NewFeedback,FeedbackRevoked', '7');
    const found = (eventType: string, agent_id = '7') =>
      index.candidates(sampleEvent({ eventType, fields: { agent_id } })).map(({ triggerId }) => triggerId);
    expect(found('NewFeedback').sort()).toEqual(['both', 'given', 'given to some']);
    expect(found('FeedbackRevoked').sort()).toEqual(['both', 'revoked']);
    expect(found('ResponseAppended')).toEqual(['both']);
    expect(found('NewFeedback', '8')).toEqual(['given to some']);
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
