import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTrigger, type Rule, type StoredCondition } from '../../../src/triggers/matching/rule.ts';
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
const loose = { case_sensitive: false };

const anyCondition: fc.Arbitrary<Omit<StoredCondition, 'id'>> = fc.oneof(
  fc
    .tuple(fc.constantFrom('equals', 'not_equals', 'gte'), agentLiteral)
    .map(([op, value]) => condition('agent_id', op, value)),
  list(agentLiteral).map((value) => condition('agent_id', 'in', value)),
  fc
    .tuple(fc.constantFrom('equals', 'not_equals'), typeName)
    .map(([op, value]) => condition('event_type', op, value, loose)),
  list(typeName).map((value) => condition('event_type', 'in', value, loose)),
  fc.constant(condition('owner', 'equals', OWNER)),
  fc.constant(condition('log_index', 'gt', '1')),
);

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
  })
  .map(({ eventType, agentId, to, registry, logIndex }) =>
    sampleEvent({ eventType, registry, logIndex, fields: { agent_id: agentId, to, owner: OWNER } }),
  );

/** What happens to the rules: a trigger is added or changed, or one is removed. */
const anyDelta = fc.oneof({ arbitrary: anyTrigger, weight: 4 }, fc.constantFrom('a', 'b', 'c', 'd'));

describe('the index of rules', () => {
  it('finds what a look at every rule finds, after any additions, changes and removals.', () => {
    fc.assert(
      fc.property(
        fc.array(anyDelta, { maxLength: 30 }),
        fc.array(anyEvent, { minLength: 1, maxLength: 5 }),
        (deltas, events) => {
          const index = new RuleIndex();
          const all = new Map<string, Rule>();
          for (const delta of deltas) {
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
          expect(index.size).toBe(all.size);
          for (const event of events) {
            const found = [...index.candidates(event)]
              .filter((rule) => rule.accepts(event))
              .map((rule) => rule.triggerId);
            const wanted = [...all.values()].filter((rule) => rule.accepts(event)).map((rule) => rule.triggerId);
            expect(found.sort()).toEqual(wanted.sort());
          }
        },
      ),
      { numRuns: 500 },
    );
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
    index.put({ ...compiled.rule, access: { field: 'agent_id', keys: ['10'] } });
    expect([...index.candidates(sampleEvent())]).toEqual([]);
    expect([...index.candidates(sampleEvent({ fields: { agent_id: '10' } }))]).toHaveLength(1);
    index.remove(compiled.rule.triggerId);
    expect([...index.candidates(sampleEvent({ fields: { agent_id: '10' } }))]).toEqual([]);
    expect(index.size).toBe(0);
  });
});
