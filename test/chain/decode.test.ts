import fc from 'fast-check';
import { type AbiEvent, encodeAbiParameters, encodeEventTopics, type Hex, keccak256, stringToHex } from 'viem';
import { describe, expect, it } from 'vitest';
import { REGISTRY_EVENTS } from '../../src/chain/abi.ts';
import { decodeLog } from '../../src/chain/decode.ts';
import { EVENT_FIELDS, EVENT_TYPES, REGISTRIES, type Registry } from '../../src/chain/events.ts';

const OWNER = '0x8ba1f109551bd432803012645ac136ddd64dba72';
const OTHER = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';

function eventOf(registry: Registry, name: string): AbiEvent {
  const event = REGISTRY_EVENTS[registry].find((candidate) => candidate.name === name);
  if (!event) throw new Error(`no event ${name}`);
  return event;
}

function encode(event: AbiEvent, args: Record<string, unknown>) {
  const topics = encodeEventTopics({ abi: [event], args }) as Hex[];
  const plain = event.inputs.filter((input) => !input.indexed);
  const data = encodeAbiParameters(
    plain,
    plain.map((input) => args[input.name ?? '']),
  );
  return { topics, data };
}

function fieldsOf(registry: Registry, name: string, args: Record<string, unknown>) {
  const decoded = decodeLog(registry, encode(eventOf(registry, name), args));
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.fields;
}

const feedback = {
  agentId: 7n,
  clientAddress: OWNER,
  feedbackIndex: 3n,
  value: 9977n,
  valueDecimals: 2,
  indexedTag1: 'uptime',
  tag1: 'uptime',
  tag2: 'month',
  endpoint: 'https://agent.example/a2a',
  feedbackURI: 'ipfs://feedback',
  feedbackHash: keccak256('0x01'),
};

describe('the log decoder', () => {
  it.each([
    ['ASCII', 'x', 16_384],
    ['letters of three bytes', '\u4e00', 5_461],
    ['code points outside the basic plane', '\u{1f600}', 4_096],
    ['characters that JSON escapes', '"', 8_192],
    ['control characters, six bytes in JSON', '\u0001', 2_730],
  ])('cuts a text of %s off at 16 KiB as JSON writes it, between two characters', (_, character, kept) => {
    const { feedback_uri, tag2 } = fieldsOf('reputation', 'NewFeedback', {
      ...feedback,
      feedbackURI: character.repeat(600_000),
      tag2: character.repeat(kept),
    });
    expect(feedback_uri === character.repeat(kept)).toBe(true);
    expect(tag2 === feedback_uri).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(feedback_uri))).toBeLessThanOrEqual(16_386);
  });

  it('cuts off metadata, shown as text or as hex', () => {
    const shown = (metadataValue: string) =>
      fieldsOf('identity', 'MetadataSet', { agentId: 1n, indexedMetadataKey: 'k', metadataKey: 'k', metadataValue })[
        'metadata_value'
      ];
    expect(shown(stringToHex('x'.repeat(50_000)))).toBe('x'.repeat(16_384));
    expect(shown(`0x${'ff'.repeat(50_000)}`)).toBe(`0x${'ff'.repeat(8_191)}`);
  });

  it('knows the topic0 of every live event as the deployed contracts emit it', () => {
    const selectors = REGISTRIES.flatMap((registry) =>
      REGISTRY_EVENTS[registry].map((event) => [event.name, encodeEventTopics({ abi: [event] })[0]]),
    );
    expect(Object.fromEntries(selectors)).toEqual({
      Registered: '0xca52e62c367d81bb2e328eb795f7c7ba24afb478408a26c0e201d155c449bc4a',
      MetadataSet: '0x2c149ed548c6d2993cd73efe187df6eccabe4538091b33adbd25fafdb8a1468b',
      URIUpdated: '0x3a2c7fffc2cba7582c690e3b82c453ea02a308326a98a3ad7576c606336409fb',
      Transfer: '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
      Approval: '0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925',
      ApprovalForAll: '0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31',
      MetadataUpdate: '0xf8e1a15aba9398e019f0b49df1a4fde98ee17ae345cb5f6b5e2c27f5033e8ce7',
      BatchMetadataUpdate: '0x6bd5c950a8d8df17f772f5af37cb3655737899cbf903264b9795592da439661c',
      NewFeedback: '0x6a4a61743519c9d648a14e6493f47dbe3ff1aa29e7785c96c8326a205e58febc',
      FeedbackRevoked: '0x25156fd3288212246d8b008d5921fde376c71ed14ac2e072a506eb06fde6d09d',
      ResponseAppended: '0xb1c6be0b5b8aef6539e2fac0fd131a2faa7b49edf8e505b5eb0ad487d56051d4',
      ValidationRequest: '0x530436c3634a98e1e626b0898be2f1e9980cc1bd2a78c07a0aba52d0a48a5059',
      ValidationResponse: '0xafddf629e874ccc3963b6a888c477bd464a6c8525024fc88759ea3b2326349ae',
      Upgraded: '0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b',
      Initialized: '0xc7f505b2f371ae2175ee4913f4499e1f2633a7b5936321eed1cdaeb6115181d2',
      OwnershipTransferred: '0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0',
    });
    for (const registry of REGISTRIES) {
      expect(REGISTRY_EVENTS[registry].map(({ name }) => name)).toEqual(EVENT_TYPES[registry]);
    }
  });

  it('reads a feedback under the contract’s field names, with an exact score', () => {
    expect(fieldsOf('reputation', 'NewFeedback', feedback)).toEqual({
      agent_id: '7',
      client_address: OWNER,
      feedback_index: '3',
      value: '9977',
      value_decimals: 2,
      score: '99.77',
      tag1: 'uptime',
      tag2: 'month',
      endpoint: 'https://agent.example/a2a',
      feedback_uri: 'ipfs://feedback',
      feedback_hash: keccak256('0x01'),
    });
  });

  it('keeps integers that a JS number cannot hold', () => {
    const agentId = 2n ** 256n - 1n;
    const value = -(10n ** 38n);
    const fields = fieldsOf('reputation', 'NewFeedback', { ...feedback, agentId, value, valueDecimals: 18 });
    expect(fields).toMatchObject({
      agent_id: agentId.toString(),
      value: value.toString(),
      score: '-100000000000000000000',
    });
  });

  it('reads the validation, approval and proxy events into the fields they have', () => {
    const requestHash = keccak256('0x02');
    expect(
      fieldsOf('validation', 'ValidationResponse', {
        validatorAddress: OWNER,
        agentId: 0n,
        requestHash,
        response: 100,
        responseURI: 'ipfs://r',
        responseHash: keccak256('0x03'),
        tag: 'final',
      }),
    ).toEqual({
      validator_address: OWNER,
      agent_id: '0',
      request_hash: requestHash,
      response: 100,
      response_uri: 'ipfs://r',
      response_hash: keccak256('0x03'),
      validation_tag: 'final',
    });
    expect(fieldsOf('identity', 'ApprovalForAll', { owner: OWNER, operator: OTHER, approved: true })).toEqual({
      owner: OWNER,
      to: OTHER,
      value: '1',
    });
    expect(fieldsOf('identity', 'URIUpdated', { agentId: 1n, newURI: 'ipfs://n', updatedBy: OTHER })).toEqual({
      agent_id: '1',
      agent_uri: 'ipfs://n',
      from: OTHER,
    });
    expect(fieldsOf('reputation', 'Upgraded', { implementation: OTHER })).toEqual({ to: OTHER });
    expect(fieldsOf('validation', 'Initialized', { version: 2n })).toEqual({ value: '2' });
  });

  it.each([
    ['agentWallet', OWNER, OWNER],
    ['agentWallet', '0x', ''],
    ['name', stringToHex('Grüße\n'), 'Grüße\n'],
    ['name', '0xff00', '0xff00'],
    ['name', stringToHex('bell\u0007'), stringToHex('bell\u0007')],
    ['other', OWNER, OWNER],
  ])('shows the metadata %s = %s as %j', (metadataKey, metadataValue, shown) => {
    const args = { agentId: 1n, indexedMetadataKey: metadataKey, metadataKey, metadataValue };
    expect(fieldsOf('identity', 'MetadataSet', args)).toEqual({
      agent_id: '1',
      metadata_key: metadataKey,
      metadata_value: shown,
    });
  });

  it('replaces NUL, which PostgreSQL cannot store', () => {
    const fields = fieldsOf('identity', 'Registered', { agentId: 1n, agentURI: 'a\u0000b', owner: OWNER });
    expect(fields['agent_uri']).toBe('a\ufffdb');
  });

  it('takes mixed-case hex', () => {
    const { topics, data } = encode(eventOf('identity', 'Transfer'), { from: OWNER, to: OTHER, tokenId: 9n });
    const upper = topics.map((topic) => `0x${topic.slice(2).toUpperCase()}`);
    expect(decodeLog('identity', { topics: upper, data })).toEqual({
      ok: true,
      registry: 'identity',
      eventType: 'Transfer',
      agentId: '9',
      fields: { agent_id: '9', from: OWNER, to: OTHER },
    });
  });

  it('refuses a log without topics, of an unknown event, and of another registry', () => {
    const transfer = encode(eventOf('identity', 'Transfer'), { from: OWNER, to: OTHER, tokenId: 9n });
    expect(decodeLog('identity', { topics: [], data: '0x' })).toEqual({ ok: false, reason: 'the log has no topic' });
    const unknown = keccak256('0x04');
    expect(decodeLog('identity', { topics: [unknown], data: '0x' })).toEqual({
      ok: false,
      reason: `no event of the identity registry has the topic ${unknown}`,
    });
    expect(decodeLog('reputation', transfer)).toMatchObject({ ok: false });
  });

  it('refuses a fungible token’s Transfer, which has the same topic0 but other arguments', () => {
    const [selector = '0x', from = '0x', to = '0x'] = encode(eventOf('identity', 'Transfer'), {
      from: OWNER,
      to: OTHER,
      tokenId: 9n,
    }).topics;
    expect(decodeLog('identity', { topics: [selector, from, to], data: keccak256('0x05') })).toEqual({
      ok: false,
      reason: 'Transfer does not fit its ABI: expected 4 topics, got 3',
    });
  });

  it('refuses a number outside of its type, of which the decimals could exhaust the isolate', () => {
    const { topics, data } = encode(eventOf('reputation', 'NewFeedback'), feedback);
    const words = data.slice(2).match(/.{64}/g) ?? [];
    words[2] = '100'.padStart(64, '0');
    expect(decodeLog('reputation', { topics, data: `0x${words.join('')}` })).toEqual({
      ok: false,
      reason: 'NewFeedback does not fit its ABI: a value does not fit uint8',
    });
  });
});

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => `0x${Buffer.from(array).toString('hex')}`);

function anyValue(type: string): fc.Arbitrary<unknown> {
  if (type === 'address') return hex(20);
  if (type === 'bytes32') return hex(32);
  if (type === 'bool') return fc.boolean();
  // The ABI library's text decoder drops a leading byte order mark.
  if (type === 'string')
    return fc.string({ unit: 'binary', maxLength: 100 }).filter((text) => !text.startsWith('\ufeff'));
  if (type === 'bytes')
    return fc.uint8Array({ maxLength: 100 }).map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`);
  const bits = Number(/\d+$/.exec(type)?.[0]);
  const signed = type.startsWith('int');
  const integers = fc.bigInt(
    signed
      ? { min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n }
      : { min: 0n, max: 2n ** BigInt(bits) - 1n },
  );
  return bits <= 48 ? integers.map(Number) : integers;
}

const anyLog = fc
  .constantFrom(...REGISTRIES)
  .chain((registry) =>
    fc
      .constantFrom(...REGISTRY_EVENTS[registry])
      .chain((event) =>
        fc
          .record(Object.fromEntries(event.inputs.map((input) => [input.name ?? '', anyValue(input.type)])))
          .map((args) => ({ registry, event, args: args as Record<string, unknown> })),
      ),
  );

describe('any log', () => {
  it('of the ABI decodes to named fields that hold every argument the fields have room for', () => {
    fc.assert(
      fc.property(anyLog, ({ registry, event, args }) => {
        const decoded = decodeLog(registry, encode(event, args));
        if (!decoded.ok) throw new Error(decoded.reason);
        expect(decoded.eventType).toBe(event.name);
        const id = args['agentId'] ?? args['tokenId'] ?? args['_tokenId'];
        expect(decoded.agentId).toBe(id === undefined ? null : String(id));
        for (const name of Object.keys(decoded.fields)) expect(EVENT_FIELDS).toHaveProperty(name);
        const shown = Object.values(decoded.fields).map(String);
        for (const input of event.inputs) {
          const value = args[input.name ?? ''];
          if (input.name?.startsWith('indexed') || event.name === 'BatchMetadataUpdate') continue;
          if (input.type === 'bytes') continue;
          const text = typeof value === 'boolean' ? (value ? '1' : '0') : String(value);
          expect(shown).toContain(text.replaceAll('\u0000', '\ufffd'));
        }
        expect(JSON.stringify(decoded.fields)).not.toContain('\\u0000');
      }),
      { numRuns: 500 },
    );
  });

  it('that is cut, changed or made up answers with a reason and never throws', () => {
    const made = fc.record({
      registry: fc.constantFrom(...REGISTRIES),
      topics: fc.array(fc.oneof(hex(32), fc.string()), { maxLength: 5 }),
      data: fc.oneof(fc.string(), hex(64), fc.constant('0x')),
    });
    const changed = fc
      .tuple(anyLog, fc.nat(), fc.nat(), fc.constantFrom('cut', 'flip'))
      .map(([{ registry, event, args }, at, digit, how]) => {
        const { topics, data } = encode(event, args);
        const place = 2 + (at % Math.max(data.length - 2, 1));
        const flipped = data.slice(0, place) + (digit % 16).toString(16) + data.slice(place + 1);
        return { registry, topics: topics as string[], data: how === 'cut' ? data.slice(0, place) : flipped };
      });
    fc.assert(
      fc.property(fc.oneof(made, changed), ({ registry, topics, data }) => {
        const decoded = decodeLog(registry, { topics, data });
        if (!decoded.ok) expect(decoded.reason.length).toBeLessThan(300);
      }),
      { numRuns: 2_000 },
    );
  });
});
