import { describe, expect, it } from 'vitest';
import { compileCondition, validateCondition } from '../../../src/triggers/matching/conditions.ts';
import { ALICE, compare, condition, HASH, holds, sampleEvent, withFields } from './samples.ts';

type Registry = 'identity' | 'reputation' | 'validation';

/** What the writer of a condition is told, as `path: message`. */
function told(field: string, operator: string, value: string, registry: Registry = 'reputation'): string {
  const result = validateCondition(condition(field, operator, value), registry);
  return result.ok ? 'accepted' : `${result.path}: ${result.message}`;
}

describe('an operator', () => {
  it.each([
    ['<>', '!='],
    ['NOT_EQUALS', '!='],
    ['NOT IN', 'not_in'],
    [' not   in ', 'not_in'],
    ['IN', 'in'],
    ['Between', 'between'],
    ['IS NULL', 'is_null'],
    ['is not null', 'exists'],
    ['MATCHES', 'matches'],
  ])('may be spelled %j for %s.', (spelling, name) => {
    for (const actual of ['10', '11', null]) {
      const value = '10,10';
      const field = name === 'matches' ? 'tag1' : 'score';
      const operand = name === '!=' ? '10' : value;
      expect(compare(field, actual, spelling, operand)).toBe(compare(field, actual, name, operand));
    }
  });

  it('between takes in both of its ends, written as a list.', () => {
    const within = (value: string) =>
      ['9.99', '10', '15.5', '20', '20.01'].map((it) => compare('score', it, 'between', value));
    expect(within('10,20')).toEqual([false, true, true, true, false]);
    expect(within('["10.0", 20]')).toEqual([false, true, true, true, false]);
    expect(compare('score', '10', 'between', '10,10')).toBe(true);
    expect(compare('score', null, 'between', '10,20')).toBe(false);
    expect(compare('value', (2n ** 100n).toString(), 'between', `${2n ** 100n},${2n ** 101n}`)).toBe(true);
    expect(compare('value', (2n ** 100n - 1n).toString(), 'between', `${2n ** 100n},${2n ** 101n}`)).toBe(false);
    const noon = (value: string) => holds(compileCondition(condition('timestamp', 'between', value)), sampleEvent());
    expect(noon('2026-03-01T12:00:00Z, 2026-03-01T13:00:00Z')).toBe(true);
    expect(noon('2026-03-01T12:00:01Z, 2026-03-01T13:00:00Z')).toBe(false);
  });

  it.each(['10', '10,20,30', '10..20', '[]', '10,'])('between refuses %j.', (value) => {
    expect(told('score', 'between', value)).toBe(
      'value: must list two items, the lower and the upper end, such as 10,20 or ["10","20"]',
    );
  });

  it('not_in holds exactly where in does not, also where there is no such field.', () => {
    expect(['a', 'b', 'c', null].map((tag) => compare('tag1', tag, 'not_in', 'a,b'))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(['7', '8', null].map((id) => compare('agent_id', id, 'NOT IN', '[7.0, 9]'))).toEqual([false, true, true]);
  });

  it('ends_with looks at the end.', () => {
    expect(compare('feedback_uri', 'https://a.example/x.json', 'ends_with', '.json')).toBe(true);
    expect(compare('feedback_uri', 'https://a.example/x.json?', 'ends_with', '.json')).toBe(false);
    expect(compare('feedback_uri', 'https://a.example/x.JSON', 'ends_with', '.json', { case_sensitive: false })).toBe(
      true,
    );
    expect(compare('client_address', ALICE, 'ends_with', 'A1a1')).toBe(true);
    expect(compare('client_address', ALICE, 'ends_with', ALICE.toUpperCase().replace('0X', '0x'))).toBe(true);
    expect(compare('feedback_hash', HASH, 'ends_with', 'a1')).toBe(false);
  });

  it('exists holds for a field that says something, and is_null where it is missing or empty.', () => {
    for (const [actual, present] of [
      ['ipfs://f', true],
      ['0', true],
      ['', false],
      [null, false],
    ] as const) {
      expect(compare('feedback_uri', actual, 'exists', 'x')).toBe(present);
      const alias = compileCondition(condition('file_uri', 'IS NOT NULL', ''));
      expect(holds(alias, withFields({ feedback_uri: actual }))).toBe(present);
      expect(compare('feedback_uri', actual, 'is_null', 'x')).toBe(!present);
    }
    expect(compare('response', 0, 'exists', 'x')).toBe(true);
    expect(holds(compileCondition(condition('score', 'is_null', 'x')), withFields({ score: null }))).toBe(true);
  });

  it('file_uri_exists is the ancestor’s name for a feedback that names a file.', () => {
    const input = { ...condition('file_uri', 'IS NOT NULL', ''), condition_type: 'file_uri_exists' };
    const compiled = compileCondition(input, 'reputation');
    expect(holds(compiled, withFields({ feedback_uri: 'ipfs://f' }))).toBe(true);
    expect(holds(compiled, withFields({ feedback_uri: '' }))).toBe(false);
    expect(holds(compiled, sampleEvent({ eventType: 'FeedbackRevoked' }))).toBe(false);
  });

  it('changed is one of those that remember.', () => {
    const compiled = compileCondition(condition('tag1', ' Changed ', 'x'), 'reputation');
    expect(compiled).toMatchObject({ ok: true, state: { kind: 'changed' } });
    expect(
      validateCondition({ ...condition('tag1', 'changed', 'x'), condition_type: 'tag_equals' }, 'reputation'),
    ).toMatchObject({
      ok: false,
      path: 'operator',
    });
  });
});

describe('a pattern', () => {
  it('is searched for anywhere, unless it is anchored.', () => {
    expect(compare('endpoint', 'https://a.example/mcp', 'matches', '/mcp')).toBe(true);
    expect(compare('endpoint', 'https://a.example/mcp', 'matches', '^/mcp')).toBe(false);
    expect(compare('endpoint', 'https://a.example/mcp', 'matches', '^https://[a-z.]+/mcp$')).toBe(true);
    expect(compare('endpoint', 'https://a.example/MCP', 'matches', '/mcp$')).toBe(false);
    expect(compare('endpoint', 'https://a.example/MCP', 'matches', '/mcp$', { case_sensitive: false })).toBe(true);
    expect(compare('tag1', 'Größe', 'matches', '^\\p{L}+$')).toBe(true);
    expect(compare('tag1', null, 'matches', '.*')).toBe(false);
    expect(compare('tag1', '', 'matches', '^$')).toBe(true);
    expect(compare('client_address', ALICE, 'matches', '^0x(A1)+$')).toBe(true);
  });

  it('sees the first 1,024 characters of a long text.', () => {
    expect(compare('agent_uri', `${'a'.repeat(1_023)}z`, 'matches', 'z')).toBe(true);
    expect(compare('agent_uri', `${'a'.repeat(1_024)}z`, 'matches', 'z')).toBe(false);
  });

  it('that would take a backtracking engine ages is answered.', () => {
    const text = 'a'.repeat(8_192);
    for (const pattern of ['^(a+)+$', '^(a|aa)+$', '(a*)*b', '(?:a?){20}a{20}b', '^(.*a){15}[bc]$']) {
      expect(compare('tag1', text, 'matches', pattern)).toBe(pattern.endsWith('+$'));
    }
  });

  it.each([
    ['[a', "is not a regular expression in RE2's syntax: missing closing ]: `[a`"],
    ['(?=a)', "is not a regular expression in RE2's syntax: invalid or unsupported Perl syntax: `(?=`"],
    ['(?<=a)b', "is not a regular expression in RE2's syntax: invalid named capture: `(?<=a)b`"],
    ['(a)\\1', "is not a regular expression in RE2's syntax: invalid escape sequence: `\\1`"],
    ['a{1001}', "is not a regular expression in RE2's syntax: invalid repeat count: `{1001}`"],
    ['a'.repeat(257), 'must be at most 256 characters long'],
  ])('%s is refused with the reason.', (pattern, reason) => {
    expect(told('tag1', 'matches', pattern)).toBe(`value: ${reason}`);
  });

  it('that stands for a long program is refused, however short it is.', () => {
    expect(told('tag1', 'matches', '(\\w{1,30}){30}')).toMatch(
      /^value: is too complex a pattern: its size is \d+ of 80; repeat less$/,
    );
    expect(told('tag1', 'matches', '^0x[0-9a-f]{64}$')).toBe('accepted');
  });

  it('costs what its program and the text are long, and no more than is searched of it.', () => {
    const worst = compileCondition(condition('tag1', 'matches', '(?:[a-m]?){38}[0-9]'));
    const spent = (length: number) => {
      const work = { spent: 0 };
      if (worst.ok && 'predicate' in worst) worst.predicate(withFields({ tag1: 'a'.repeat(length) }), work);
      return work.spent;
    };
    expect(spent(0)).toBe(79);
    expect(spent(99)).toBe(7_900);
    expect(spent(100_000)).toBe(79 * 1_025);
  });

  it('is kept compiled among so many others only, and works all the same.', () => {
    const patterns = Array.from({ length: 300 }, (_, n) => `^${n}$`);
    const compiled = patterns.map((pattern) => compileCondition(condition('tag1', 'matches', pattern)));
    const found = compiled.filter((one) => holds(one, withFields({ tag1: '7' })));
    expect(found).toEqual([compiled[7]]);
  });
});

describe('a condition that can never hold', () => {
  it.each([
    ['agent_id', 'equals', '42.5', 'agent_id is a whole number, 0 or more'],
    ['agent_id', 'equals', '-1', 'agent_id is a whole number, 0 or more'],
    ['agent_id', 'in', '1,-1', 'agent_id is a whole number, 0 or more'],
    ['agent_id', 'not_equals', '42.5', 'agent_id is a whole number, 0 or more'],
    ['agent_id', 'lt', '0', 'agent_id is a whole number, 0 or more, so lt 0 never holds'],
    ['agent_id', 'lte', '-0.5', 'agent_id is a whole number, 0 or more, so lte -0.5 never holds'],
    ['agent_id', 'equals', (2n ** 256n).toString(), `agent_id is never larger than ${2n ** 256n - 1n}`],
    ['agent_id', 'between', '1.2,1.8', 'agent_id is a whole number, 0 or more, and none is between 1.2 and 1.8'],
    ['agent_id', 'between', '-5,-1', 'agent_id is a whole number, 0 or more, so lte -1 never holds'],
    ['value_decimals', 'gt', '18', 'value_decimals is a whole number, 0 to 18, so gt 18 never holds'],
    ['value', 'equals', '0.5', 'value is a whole number'],
    ['score', 'between', '20,10', 'nothing is between 20 and 10: the lower comes first'],
    ['score', 'gt', 'high', '"score" is compared with a plain decimal number such as -3.2'],
    ['score', 'between', '1,high', '"score" is compared with a plain decimal number such as -3.2'],
    ['event_type', 'ends_with', 'Requested', 'must be an event of the reputation registry: Upgraded'],
    ['event_type', 'matches', '^Val', 'must be an event of the reputation registry: Upgraded'],
    ['registry', 'equals', 'identity', 'the trigger is about the reputation registry'],
    ['registry', 'contains', 'ident', 'the trigger is about the reputation registry'],
  ])('is refused: %s %s %s.', (field, operator, value, reason) => {
    expect(told(field, operator, value)).toContain(`value: ${reason}`);
  });

  it('is refused where no event of the registry has the field.', () => {
    expect(told('response', 'gt', '100', 'validation')).toBe(
      'value: response is a whole number, 0 to 100, so gt 100 never holds',
    );
    expect(told('response', 'equals', '101', 'validation')).toBe('value: response is a whole number, 0 to 100');
    expect(told('score', 'gt', '5', 'identity')).toBe('field: no event of the identity registry has "score"');
    expect(told('agent_uri', 'exists', 'x', 'validation')).toBe(
      'field: no event of the validation registry has "agent_uri"',
    );
    expect(told('metadata_key', 'matches', 'x', 'identity')).toBe('accepted');
  });

  it('differs from one that always holds, which is let be.', () => {
    expect(told('score', 'not_equals', '5', 'identity')).toBe('accepted');
    expect(told('score', 'is_null', 'x', 'identity')).toBe('accepted');
    expect(told('agent_id', 'gte', '0')).toBe('accepted');
    expect(told('agent_id', 'between', '1.2,2.8')).toBe('accepted');
    expect(told('registry', 'in', 'identity,reputation')).toBe('accepted');
    expect(told('event_type', 'starts_with', 'New')).toBe('accepted');
  });
});
