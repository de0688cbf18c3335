import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_FIELDS } from '../../../src/chain/events.ts';
import { compileCondition, validateCondition } from '../../../src/triggers/matching/conditions.ts';
import { ALICE, compare, condition, HASH, holds, sampleEvent, withFields } from './samples.ts';

const MAX_UINT256 = (2n ** 256n - 1n).toString();

/** What the writer of a condition is told, as `path: message`. */
function refusal(
  input: Parameters<typeof validateCondition>[0],
  registry: 'identity' | 'reputation' | 'validation' = 'reputation',
) {
  const result = validateCondition(input, registry);
  return result.ok ? 'accepted' : `${result.path}: ${result.message}`;
}

describe('numeric fields', () => {
  it.each([
    ['equals', [false, true, false]],
    ['=', [false, true, false]],
    ['==', [false, true, false]],
    ['not_equals', [true, false, true]],
    ['!=', [true, false, true]],
    ['gt', [false, false, true]],
    ['>', [false, false, true]],
    ['gte', [false, true, true]],
    ['>=', [false, true, true]],
    ['lt', [true, false, false]],
    ['<', [true, false, false]],
    ['lte', [true, true, false]],
    ['<=', [true, true, false]],
    ['in', [false, true, false]],
    ['IN', [false, true, false]],
  ])('answer %s for 9, 10 and 11 against 10 with %j.', (operator, expected) => {
    for (const [field, scale] of [
      ['agent_id', ''],
      ['score', '.00'],
      ['feedback_index', ''],
    ] as const) {
      expect([9, 10, 11].map((actual) => compare(field, `${actual}${scale}`, operator, '10'))).toEqual(expected);
    }
  });

  it('compare by value, so that 9 is less than 10 and 7 equals 7.0 and +7.', () => {
    expect(compare('score', '9', 'lt', '10')).toBe(true);
    expect(compare('agent_id', '7', 'equals', '7.0')).toBe(true);
    expect(compare('agent_id', '7', 'equals', '+7')).toBe(true);
    expect(compare('agent_id', '7', 'in', '1, 7.00')).toBe(true);
    expect(compare('response', 100, 'equals', '100')).toBe(true);
  });

  it('stay exact at 256 bits, where doubles cannot tell neighbours apart.', () => {
    const below = (2n ** 256n - 2n).toString();
    expect(compare('agent_id', MAX_UINT256, 'equals', MAX_UINT256)).toBe(true);
    expect(compare('agent_id', below, 'equals', MAX_UINT256)).toBe(false);
    expect(compare('agent_id', below, 'lt', MAX_UINT256)).toBe(true);
    expect(compare('agent_id', MAX_UINT256, 'lte', below)).toBe(false);
    expect(compare('agent_id', below, 'in', `[${MAX_UINT256}]`)).toBe(false);
    expect(compare('agent_id', MAX_UINT256, 'in', `[1, ${MAX_UINT256}]`)).toBe(true);
  });

  it('take negative numbers and eighteen decimals.', () => {
    expect(compare('score', '-3.2', 'lt', '-3.199999999999999999')).toBe(true);
    expect(compare('score', '-3.2', 'gt', '-3.200000000000000001')).toBe(true);
    expect(compare('score', '0.000000000000000001', 'gt', '0')).toBe(true);
    expect(compare('score', '99.77', 'gte', '99.770')).toBe(true);
    expect(compare('value', '-1', 'lt', '0')).toBe(true);
    expect(compare('score', '0', 'equals', '-0.0')).toBe(true);
  });

  it('agree with arithmetic on whole numbers of any size.', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n - 2n ** 127n, max: 2n ** 127n - 2n }),
        fc.bigInt({ min: 1n - 2n ** 127n, max: 2n ** 127n - 2n }),
        (a, b) => {
          expect(compare('value', a.toString(), 'lt', b.toString())).toBe(a < b);
          expect(compare('value', a.toString(), 'gte', b.toString())).toBe(a >= b);
          expect(compare('value', a.toString(), 'equals', b.toString())).toBe(a === b);
          expect(compare('value', a.toString(), 'not_equals', b.toString())).toBe(a !== b);
        },
      ),
    );
  });

  it.each(['', 'ten', '1e3', '0x10', ' 7', '1,000', 'NaN', 'Infinity', '1.', '.5', '٣'])(
    'refuse the operand %j.',
    (value) => {
      expect(refusal(condition('agent_id', 'equals', value))).toBe(
        'value: "agent_id" is compared with a plain number such as 42',
      );
      expect(refusal(condition('score', 'gt', value))).toBe(
        'value: "score" is compared with a plain decimal number such as -3.2',
      );
    },
  );

  it('refuse operators for parts of text.', () => {
    expect(refusal(condition('score', 'contains', '8'))).toBe(
      'operator: contains does not apply to "score" (decimal); use one of equals, not_equals, gt, gte, lt, lte, between, in, not_in, exists, is_null',
    );
  });
});

describe('timestamps', () => {
  const noon = (operator: string, value: string) =>
    holds(compileCondition(condition('timestamp', operator, value)), sampleEvent());

  it('compare with RFC 3339 of any offset and with Unix seconds.', () => {
    expect(noon('equals', '2026-03-01T12:00:00Z')).toBe(true);
    expect(noon('equals', '2026-03-01t13:30:00+01:30')).toBe(true);
    expect(noon('equals', '2026-03-01T07:00:00.000-05:00')).toBe(true);
    expect(noon('equals', '1772366400')).toBe(true);
    expect(noon('gte', '2026-03-01T12:00:00.000000001Z')).toBe(false);
    expect(noon('lt', '2026-03-01T12:00:00.000000001Z')).toBe(true);
    expect(noon('gt', '2026-03-01T11:59:59Z')).toBe(true);
    expect(noon('in', '2026-03-01T12:00:00Z,2027-01-01T00:00:00Z')).toBe(true);
  });

  it.each([
    '2026-02-30T00:00:00Z',
    '2026-03-01',
    '2026-03-01T12:00:00',
    '2026-03-01T24:00:00Z',
    'yesterday',
    '1772366400000',
  ])('refuse %s.', (value) => {
    expect(refusal(condition('timestamp', 'gte', value))).toBe(
      'value: "timestamp" is compared with an RFC 3339 time such as 2026-01-31T12:00:00Z, or Unix seconds',
    );
  });
});

describe('text', () => {
  it('compares whole values and parts, with regard to case unless told otherwise.', () => {
    const loose = { case_sensitive: false };
    expect(compare('tag1', 'starred', 'equals', 'starred')).toBe(true);
    expect(compare('tag1', 'Starred', 'equals', 'starred')).toBe(false);
    expect(compare('tag1', 'Starred', 'equals', 'starred', loose)).toBe(true);
    expect(compare('tag1', 'Starred', 'not_equals', 'STARRED', loose)).toBe(false);
    expect(compare('tag1', 'starred', 'in', 'uptime, starred')).toBe(true);
    expect(compare('tag1', 'STARRED', 'in', 'uptime, starred')).toBe(false);
    expect(compare('tag1', 'STARRED', 'in', 'uptime, starred', loose)).toBe(true);
    expect(compare('agent_uri', 'ipfs://Qm', 'starts_with', 'ipfs://')).toBe(true);
    expect(compare('agent_uri', 'https://ipfs://', 'starts_with', 'ipfs://')).toBe(false);
    expect(compare('agent_uri', 'https://a.example/x', 'contains', 'A.EXAMPLE')).toBe(false);
    expect(compare('agent_uri', 'https://a.example/x', 'contains', 'A.EXAMPLE', loose)).toBe(true);
  });

  it('is data: patterns and markup in it stand for themselves.', () => {
    expect(compare('tag1', 'starred', 'equals', '.*')).toBe(false);
    expect(compare('tag1', 'starred', 'contains', '%')).toBe(false);
    expect(compare('tag1', 'a.*b', 'contains', '.*')).toBe(true);
    expect(compare('tag1', '10', 'equals', '10.0')).toBe(false);
  });

  it.each(['gt', '>=', 'lt', '<='])('has no order: %s is refused.', (operator) => {
    expect(refusal(condition('tag1', operator, 'a'))).toMatch(
      /^operator: \w+ does not apply to "tag1" \(text\); use one of equals, not_equals, in, not_in, contains, starts_with, ends_with, matches, exists, is_null$/,
    );
  });
});

describe('addresses and hashes', () => {
  it('compare without regard to case, whatever the config says.', () => {
    const strict = { case_sensitive: true };
    expect(compare('client_address', ALICE, 'equals', ALICE.toUpperCase().replace('0X', '0x'), strict)).toBe(true);
    expect(compare('client_address', ALICE.toUpperCase().replace('0X', '0x'), 'equals', ALICE)).toBe(true);
    expect(
      compare('client_address', ALICE, 'in', JSON.stringify([`0x${'B2'.repeat(20)}`, `0x${'A1'.repeat(20)}`])),
    ).toBe(true);
    expect(compare('client_address', ALICE, 'starts_with', '0xA1A1', strict)).toBe(true);
    expect(compare('feedback_hash', HASH, 'equals', `0x${'C3'.repeat(32)}`)).toBe(true);
    expect(compare('feedback_hash', HASH, 'contains', 'C3C3')).toBe(true);
    expect(compare('feedback_hash', HASH, 'not_equals', `0x${'C3'.repeat(32)}`)).toBe(false);
  });

  it('are refused when they are malformed.', () => {
    const address = 'value: "owner" is compared with an address: 0x and 40 hexadecimal digits';
    for (const value of ['0x1', ALICE.slice(2), `${ALICE}00`, `0x${'g1'.repeat(20)}`, 'vitalik.eth']) {
      expect(refusal(condition('owner', 'equals', value), 'identity')).toBe(address);
      expect(refusal(condition('owner', 'in', `${ALICE},${value}`), 'identity')).toBe(address);
    }
    expect(refusal(condition('block_hash', 'equals', ALICE))).toBe(
      'value: "block_hash" is compared with a hash: 0x and 64 hexadecimal digits',
    );
    expect(refusal(condition('owner', 'starts_with', 'vitalik'), 'identity')).toBe(
      'value: must be a beginning of "owner", which is an address: 0x and 40 hexadecimal digits',
    );
    for (const [operator, value, what] of [
      ['starts_with', 'a1', 'a beginning'],
      ['starts_with', `${ALICE}0`, 'a beginning'],
      ['ends_with', 'a1x', 'an end'],
      ['ends_with', '0xa1', 'an end'],
      ['contains', '1 a', 'a part'],
      ['contains', `${ALICE}0`, 'a part'],
    ] as const) {
      expect(refusal(condition('client_address', operator, value))).toMatch(
        new RegExp(`^value: must be ${what} of "client_address", which is an address`),
      );
    }
    expect(refusal(condition('owner', 'gt', ALICE))).toMatch(/^operator: gt does not apply to "owner" \(address\)/);
  });
});

describe('event types', () => {
  const burn = sampleEvent({
    registry: 'identity',
    eventType: 'Transfer',
    fields: { from: ALICE, to: `0x${'0'.repeat(40)}` },
  });
  const transfer = sampleEvent({ registry: 'identity', eventType: 'Transfer', fields: { from: ALICE, to: ALICE } });
  const registered = sampleEvent({ registry: 'identity', eventType: 'Registered', fields: { owner: ALICE } });
  const type = (operator: string, value: string, config: Record<string, unknown> | null = null) =>
    compileCondition(condition('event_type', operator, value, config), 'identity');

  it('are found under their own name and their aliases.', () => {
    for (const name of ['Registered', 'AgentMinted', 'AgentRegistered']) {
      expect([registered, transfer, burn].map((event) => holds(type('equals', name), event))).toEqual([
        true,
        false,
        false,
      ]);
      expect([registered, transfer, burn].map((event) => holds(type('!=', name), event))).toEqual([false, true, true]);
    }
    expect(
      holds(compileCondition(condition('event_type', '=', 'FeedbackSubmitted'), 'reputation'), sampleEvent()),
    ).toBe(true);
  });

  it('take AgentBurned for a transfer to the zero address and no other.', () => {
    expect([registered, transfer, burn].map((event) => holds(type('equals', 'AgentBurned'), event))).toEqual([
      false,
      false,
      true,
    ]);
    expect([registered, transfer, burn].map((event) => holds(type('not_equals', 'AgentBurned'), event))).toEqual([
      true,
      true,
      false,
    ]);
    expect([registered, transfer, burn].map((event) => holds(type('in', 'AgentMinted, AgentBurned'), event))).toEqual([
      true,
      false,
      true,
    ]);
    expect([registered, transfer, burn].map((event) => holds(type('equals', 'Transfer'), event))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('are matched in part against the contract’s own name.', () => {
    expect(holds(type('starts_with', 'Reg'), registered)).toBe(true);
    expect(refusal(condition('event_type', 'contains', 'Minted'), 'identity')).toMatch(
      /^value: must be an event of the identity registry: Registered/,
    );
  });

  it('may be spelled in any case only where the config says so.', () => {
    expect(holds(type('equals', 'agentminted', { case_sensitive: false }), registered)).toBe(true);
    expect(refusal(condition('event_type', 'equals', 'agentminted'), 'identity')).toMatch(
      /^value: must be an event of the identity registry/,
    );
  });

  it('are refused when the registry never emits them, and the refusal lists those it does.', () => {
    for (const value of ['NewFeedback', 'AgentBurned', 'Minted', 'constructor']) {
      expect(refusal(condition('event_type', 'equals', value), 'validation')).toBe(
        'value: must be an event of the validation registry: Upgraded, Initialized, OwnershipTransferred, ValidationRequest, ValidationResponse',
      );
    }
    expect(refusal(condition('event_type', 'in', 'Registered, NewFeedback'), 'identity')).toMatch(
      /^value: .*AgentMinted/,
    );
    expect(compileCondition(condition('event_type', 'equals', 'NewFeedback')).ok).toBe(true);
  });

  it('take the document’s own example.', () => {
    const example = {
      condition_type: 'event',
      field: 'event_type',
      operator: 'equals',
      value: 'AgentMinted',
      config: { case_sensitive: false },
    };
    expect(refusal(example, 'identity')).toBe('accepted');
    expect(holds(compileCondition(example, 'identity'), registered)).toBe(true);
  });
});

describe('an absent field', () => {
  it.each([
    ['tag2', 'spam', ['equals', 'in', 'contains', 'starts_with']],
    ['score', '1', ['equals', 'in', 'gt', 'gte', 'lt', 'lte']],
    ['owner', ALICE, ['equals', 'in', 'contains', 'starts_with']],
  ])('%s satisfies nothing but not_equals.', (field, value, operators) => {
    for (const event of [
      withFields({ [field]: null }),
      sampleEvent({ eventType: 'FeedbackRevoked', fields: { score: null } }),
    ]) {
      for (const operator of operators)
        expect(holds(compileCondition(condition(field, operator, value)), event)).toBe(false);
      expect(holds(compileCondition(condition(field, 'not_equals', value)), event)).toBe(true);
    }
  });

  it('differs from an empty one, which is text like any other.', () => {
    expect(compare('tag2', '', 'in', '["", "x"]')).toBe(true);
    expect(compare('tag2', null, 'in', '["", "x"]')).toBe(false);
  });
});

describe('lists', () => {
  it('are JSON or separated by commas.', () => {
    expect(compare('tag1', 'a,b', 'in', '["a,b", "c"]')).toBe(true);
    expect(compare('tag1', 'b', 'in', 'a , b')).toBe(true);
    expect(compare('tag1', '12', 'in', '[12]')).toBe(true);
    expect(compare('tag1', 'say "7"', 'in', '["say \\"7\\""]')).toBe(true);
    expect(compare('score', '-3.25', 'in', '[-3.25, "4"]')).toBe(true);
  });

  it.each(['[1', '[null]', '[[1]]', '[true]', '{"a":1}x,', 'a,,b', ',', '[1 2]'])('are refused as %j.', (value) => {
    expect(refusal(condition('tag1', 'in', value))).toBe(
      'value: must be a JSON array of strings and numbers, or items separated by commas',
    );
  });

  it('hold between one and a hundred items.', () => {
    const numbers = Array.from({ length: 101 }, (_, index) => index);
    expect(refusal(condition('agent_id', 'in', numbers.slice(1).join(',')))).toBe('accepted');
    expect(refusal(condition('agent_id', 'in', numbers.join(',')))).toBe('value: must list at most 100 items');
    expect(refusal(condition('agent_id', 'in', '[]'))).toBe('value: must list at least one item');
  });
});

describe('what is accepted', () => {
  it('is a closed list of kinds.', () => {
    for (const kind of ['every', 'constructor', '']) {
      expect(refusal({ ...condition('score', 'gt', '1'), condition_type: kind })).toMatch(
        /^condition_type: must be one of event, field, agent_id_equals, event_type_equals, score_threshold, response_threshold, tag_equals, validator_whitelist, file_uri_exists, any, all, none, ema_threshold, rate_limit, /,
      );
    }
  });

  it('is a closed list of fields, and the refusal names the field.', () => {
    expect(refusal(condition('colour', 'equals', 'x'))).toMatch(
      /^field: "colour" is not a field of an event; the fields are event_type, chain_id/,
    );
    expect(refusal(condition('__proto__', 'equals', 'x'))).toMatch(/^field: "__proto__"/);
    expect(refusal(condition('toString', 'equals', 'x'))).toMatch(/^field: "toString"/);
    for (const field of Object.keys(EVENT_FIELDS))
      expect(refusal(condition(field, 'sounds_like', 'x'))).toMatch(/^operator:/);
  });

  it('includes the ancestor’s names of fields.', () => {
    const uri = withFields({ agent_uri: 'ipfs://a', feedback_uri: 'ipfs://f', feedback_hash: HASH });
    expect(holds(compileCondition(condition('token_uri', 'equals', 'ipfs://a')), uri)).toBe(true);
    expect(holds(compileCondition(condition('file_uri', 'equals', 'ipfs://f')), uri)).toBe(true);
    expect(holds(compileCondition(condition('file_hash', 'equals', HASH)), uri)).toBe(true);
  });

  it('is a closed list of operators.', () => {
    expect(refusal(condition('tag1', 'resembles', 'x'))).toBe(
      'operator: must be one of equals (= ==), not_equals (!= <>), gt (>), gte (>=), lt (<), lte (<=), between, in, not_in (NOT IN), contains, starts_with, ends_with, matches, exists (IS NOT NULL), is_null (IS NULL), changed',
    );
  });

  it('is a closed list of options.', () => {
    expect(refusal(condition('tag1', 'equals', 'x', {}))).toBe('accepted');
    expect(refusal(condition('tag1', 'equals', 'x', { fuzzy: 1 }))).toBe(
      'config.fuzzy: is not an option; the only one is case_sensitive',
    );
    for (const value of ['no', null, 0]) {
      expect(refusal(condition('tag1', 'equals', 'x', { case_sensitive: value }))).toBe(
        'config.case_sensitive: must be true or false',
      );
    }
  });

  it('includes the ancestor’s narrower kinds, each for its own fields and operators.', () => {
    const kind = (condition_type: string, field: string, operator: string, value: string) =>
      (['validation', 'reputation'] as const).map((registry) =>
        refusal({ condition_type, field, operator, value, config: null }, registry),
      );
    const both = (text: string) => [text, text];
    expect(kind('agent_id_equals', 'agent_id', '=', '42')).toEqual(both('accepted'));
    expect(kind('agent_id_equals', 'agent_id', '>', '42')).toEqual(both('operator: agent_id_equals takes equals'));
    expect(kind('agent_id_equals', 'tag1', '=', '42')).toEqual(both('field: agent_id_equals compares agent_id'));
    expect(kind('event_type_equals', 'event_type', '=', 'ValidationRequest')[0]).toBe('accepted');
    for (const operator of ['<', '>', '=', '==', '<=', '>=', '!=', '<>']) {
      expect(kind('score_threshold', 'score', operator, '60')[1]).toBe('accepted');
      expect(kind('response_threshold', 'response', operator, '80')[0]).toBe('accepted');
    }
    expect(kind('score_threshold', 'score', '<', '60')[0]).toBe(
      'field: no event of the validation registry has "score"',
    );
    expect(kind('score_threshold', 'score', 'in', '60')).toEqual(
      both('operator: score_threshold takes equals, not_equals, gt, gte, lt, lte'),
    );
    expect(kind('tag_equals', 'tag2', '==', 'day')[1]).toBe('accepted');
    expect(kind('tag_equals', 'endpoint', '=', 'x')).toEqual(both('field: tag_equals compares tag1 or tag2'));
    expect(kind('validator_whitelist', 'validator_address', 'IN', JSON.stringify([ALICE]))[0]).toBe('accepted');
    expect(kind('file_uri_exists', 'file_uri', 'IS NOT NULL', '')[1]).toBe('accepted');
    expect(kind('file_uri_exists', 'feedback_uri', 'exists', 'x')[1]).toBe('accepted');
    expect(kind('file_uri_exists', 'feedback_uri', 'is_null', 'x')[1]).toBe('operator: file_uri_exists takes exists');
    expect(kind('file_uri_exists', 'tag1', 'exists', 'x')[1]).toBe('field: file_uri_exists compares feedback_uri');
  });
});
