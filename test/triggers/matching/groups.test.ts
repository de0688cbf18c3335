import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConditionInput, compileCondition, validateCondition } from '../../../src/triggers/matching/conditions.ts';
import { condition, holds, sampleEvent } from './samples.ts';

const group = (condition_type: string, ...conditions: unknown[]): ConditionInput => ({
  condition_type,
  field: '-',
  operator: '-',
  value: '-',
  config: { conditions },
});

const told = (input: ConditionInput) => {
  const result = validateCondition(input, 'reputation');
  return result.ok ? 'accepted' : `${result.path}: ${result.message}`;
};

const YES = condition('tag1', 'equals', 'starred');
const NO = condition('tag1', 'equals', 'uptime');
const check = (input: ConditionInput) => holds(compileCondition(input, 'reputation'), sampleEvent());

describe('a group', () => {
  it('holds when any, all or none of its members do.', () => {
    const answers = (...members: unknown[]) => ['any', 'all', 'none'].map((type) => check(group(type, ...members)));
    expect(answers(YES, YES)).toEqual([true, true, false]);
    expect(answers(YES, NO)).toEqual([true, false, false]);
    expect(answers(NO, NO)).toEqual([false, false, true]);
    expect(answers(YES)).toEqual([true, true, false]);
  });

  it('may hold groups, and means what logic says.', () => {
    const tree = fc.letrec<{ node: { input: ConditionInput; value: boolean } }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        fc.boolean().map((value) => ({ input: value ? YES : NO, value })),
        fc
          .tuple(fc.constantFrom('any', 'all', 'none'), fc.array(tie('node'), { minLength: 1, maxLength: 3 }))
          .map(([type, members]) => {
            const values = members.map(({ value }) => value);
            const value = type === 'all' ? values.every(Boolean) : values.some(Boolean) !== (type === 'none');
            return { input: group(type, ...members.map(({ input }) => input)), value };
          }),
      ),
    })).node;
    fc.assert(fc.property(tree, ({ input, value }) => check(input) === value));
  });

  it('says where a fault is.', () => {
    const bad = condition('score', 'gt', 'high');
    const reason = '"score" is compared with a plain decimal number such as -3.2';
    expect(told(group('any', YES, NO, bad))).toBe(`config.conditions.2.value: ${reason}`);
    expect(told(group('any', YES, group('none', bad)))).toBe(
      `config.conditions.1.config.conditions.0.value: ${reason}`,
    );
    expect(told(group('all', { ...YES, condition_type: 'no_such' }))).toMatch(
      /^config\.conditions\.0\.condition_type: must be one of/,
    );
    expect(told(group('all', { ...YES, config: { fuzzy: true } }))).toMatch(/^config\.conditions\.0\.config\.fuzzy: /);
  });

  it.each<[unknown, string]>([
    ['tag1', 'config.conditions.0: must be a condition: an object'],
    [null, 'config.conditions.0: must be a condition: an object'],
    [[], 'config.conditions.0: must be a condition: an object'],
    [{ ...YES, id: 1 }, 'config.conditions.0.id: is not a member of a condition'],
    [{ ...YES, value: 7 }, 'config.conditions.0.value: must be text'],
    [{ ...YES, value: '' }, 'config.conditions.0.value: must have at least 1 character'],
    [{ ...YES, value: 'a'.repeat(1_001) }, 'config.conditions.0.value: must have at most 1000 characters'],
    [{ ...YES, operator: undefined }, 'config.conditions.0.operator: must be text'],
    [{ ...YES, config: [] }, 'config.conditions.0.config: must be an object'],
  ])('refuses the member %j.', (member, reason) => {
    expect(told(group('any', member))).toBe(reason);
  });

  it('spares its member groups field, operator and value, and a look for presence the value.', () => {
    expect(told(group('any', { condition_type: 'none', config: { conditions: [NO] } }))).toBe('accepted');
    expect(told(group('any', { condition_type: 'field', field: 'tag2', operator: 'is_null' }))).toBe('accepted');
    expect(told(group('any', { ...YES, operator: 'exists', value: '' }))).toBe('accepted');
  });

  it('needs a list of members, and has no other option.', () => {
    const list = 'config.conditions: must be a list of at least one condition';
    expect(told(group('any'))).toBe(list);
    expect(told({ ...group('any'), config: null })).toBe(list);
    expect(told({ ...group('any'), config: { conditions: { 0: YES } } })).toBe(list);
    expect(told({ ...group('any', YES), config: { conditions: [YES], case_sensitive: true } })).toBe(
      'config.case_sensitive: is not an option of a group; the only one is conditions',
    );
  });

  it('stands at most four deep, and holds at most two hundred conditions.', () => {
    const nested = (levels: number): ConditionInput => (levels === 0 ? YES : group('all', nested(levels - 1)));
    expect(told(nested(4))).toBe('accepted');
    expect(told(nested(5))).toMatch(/condition_type: groups stand in each other at most 4 deep$/);
    const many = (count: number) => group('any', ...Array.from({ length: count }, () => NO));
    expect(told(many(200))).toBe('accepted');
    expect(told(many(201))).toBe('config.conditions: must list at most 200 conditions');
    expect(told(group('all', many(150), many(51)))).toBe(
      'config.conditions: hold 201 conditions with those of their groups; 200 are allowed',
    );
  });

  it('refuses conditions that remember.', () => {
    const state = { ...YES, condition_type: 'rate_limit', operator: '>', value: '3', config: { time_window: '1h' } };
    const reason = 'config.conditions.1.condition_type: stateful conditions stand by themselves: all of them must hold';
    expect(told(group('any', YES, state))).toBe(reason);
    expect(told(group('any', YES, condition('tag1', 'changed', 'x')))).toBe(reason);
  });

  it('tells how much it holds.', () => {
    const compiled = compileCondition(
      group('any', YES, group('all', NO, condition('tag1', 'matches', 'x'))),
      'reputation',
    );
    expect(compiled).toMatchObject({ weight: { grouped: 3, patterns: 1 } });
  });

  it('tells an index by what it is found.', () => {
    const accessOf = (input: ConditionInput) => {
      const compiled = compileCondition(input, 'reputation');
      return compiled.ok && 'predicate' in compiled ? compiled.access : undefined;
    };
    const agent = condition('agent_id', 'in', '7,8');
    const terms = [
      { field: 'agent_id', key: '7' },
      { field: 'agent_id', key: '8' },
    ];
    const range = { field: 'score', from: 5 };
    const above = condition('score', 'gt', '5');
    expect(accessOf(group('all', YES, agent, above))).toEqual({ terms, range });
    expect(accessOf(group('all', YES, group('any', agent)))).toEqual({ terms });
    expect(accessOf(group('any', YES, agent))).toEqual({ terms: [{ field: 'tag1', key: 'starred' }, ...terms] });
    expect(accessOf(group('any', agent, above))).toBeUndefined();
    expect(accessOf(group('none', agent))).toBeUndefined();
    expect(accessOf(condition('tag1', 'not_in', 'a'))).toBeUndefined();
  });
});
