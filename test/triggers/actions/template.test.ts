import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_FIELDS } from '../../../src/chain/events.ts';
import { asJsonValue, asText, inHeader, inJsonString, inMarkup, inUrl } from '../../../src/triggers/actions/escape.ts';
import {
  knownTemplate,
  MAX_RENDERED,
  parseTemplate,
  RenderedTooLarge,
  render,
} from '../../../src/triggers/actions/template.ts';
import { hostileText } from './fixtures.ts';

const faultOf = (text: string) => {
  const parsed = parseTemplate(text);
  return parsed.ok ? undefined : parsed.fault;
};

const rendered = (text: string, values: Record<string, string | number | null>, escaping = asText) =>
  render(knownTemplate(text), new Map(Object.entries(values)), escaping);

describe('a template', () => {
  it('knows every field of events, what deliveries add, and the older names', () => {
    for (const name of [
      ...Object.keys(EVENT_FIELDS),
      'event_id',
      'trigger_id',
      'trigger_name',
      'delivery_id',
      'token_uri',
      'file_uri',
      'file_hash',
    ]) {
      expect(faultOf(`{{${name}}}`), name).toBeUndefined();
    }
    expect(rendered('{{token_uri}}', { agent_uri: 'ipfs://x' })).toBe('ipfs://x');
  });

  it.each<[string, string]>([
    ['', ''],
    ['plain', 'plain'],
    ['{{agent_id}}', '7'],
    ['Agent {{ agent_id }} minted by {{owner}}!', 'Agent 7 minted by 0xabc!'],
    ['{{agent_id}}{{agent_id}}', '77'],
    ['a } b { c }} {"x":{"y":1}}', 'a } b { c }} {"x":{"y":1}}'],
    ['{"a":{"id":{{agent_id}}}}', '{"a":{"id":7}}'],
    ['[{{tag1}}]', '[]'],
    ['{{\n\tagent_id }}', '7'],
  ])('%j renders as %j', (text, expected) => expect(rendered(text, { agent_id: 7, owner: '0xabc' })).toBe(expected));

  it.each<[string, string]>([
    ['{{nope}}', 'names the unknown field "nope" at character 1; known fields: event_type, '],
    ['Agent {{agentId}}', 'names the unknown field "agentId" at character 7'],
    ['{{constructor}}', 'names the unknown field "constructor" at character 1'],
    ['{{__proto__}}', 'names the unknown field "__proto__" at character 1'],
    ['{{agent_id', 'has a "{{" without a "}}" at character 1'],
    ['x {{ y', 'has a "{{" without a "}}" at character 3'],
    ['{{}}', 'has a "{{" that no field name follows, at character 1'],
    ['{{ }}', 'has a "{{" that no field name follows, at character 1'],
    ['{{agent_id.x}}', 'has a "{{" that no field name follows, at character 1'],
    ['{{{agent_id}}}', 'has a "{{" that no field name follows, at character 1'],
    ['{{constructor.constructor("x")()}}', 'has a "{{" that no field name follows, at character 1'],
    ['{{#each x}}', 'has a "{{" that no field name follows, at character 1'],
  ])('%j is refused: %s', (text, fault) => expect(faultOf(text)?.startsWith(fault), faultOf(text)).toBe(true));

  it('puts a value in once and never reads it as a template', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (owner, tag1) => {
        expect(rendered('<{{owner}}|{{tag1}}>', { owner, tag1 })).toBe(
          `<${owner.toWellFormed()}|${tag1.toWellFormed()}>`,
        );
      }),
    );
  });

  it('looks nothing up that is not among the values', () => {
    expect(render(knownTemplate('{{owner}}'), new Map(), asText)).toBe('');
  });

  it('does not grow without bound', () => {
    const tag1 = 'x'.repeat(1_000);
    expect(() => rendered('{{tag1}}'.repeat(1_000), { tag1 })).toThrow(RenderedTooLarge);
    expect(rendered('{{tag1}}', { tag1: 'x'.repeat(MAX_RENDERED) })).toHaveLength(MAX_RENDERED);
  });
});

describe('escaping', () => {
  it('keeps a value one JSON string', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(JSON.parse(`"${inJsonString(value, 0)}"`)).toBe(value.toWellFormed());
        expect(JSON.parse(asJsonValue(value, 0))).toBe(value.toWellFormed());
      }),
    );
    expect([asJsonValue(7, 0), asJsonValue(null, 0)]).toEqual(['7', 'null']);
  });

  it('keeps a value one component of a URL', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(inUrl(value, 0)).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        expect(decodeURIComponent(inUrl(value, 0))).toBe(value.toWellFormed());
      }),
    );
  });

  it('keeps a value one line of printable ASCII in a header', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(inHeader(value, 0)).toMatch(/^[\x20-\x7e]*$/);
        expect(() => new Headers({ x: inHeader(value, 0) })).not.toThrow();
      }),
    );
    expect(inHeader('a\r\nb: c', 0)).toBe('ab: c');
  });

  it('keeps a value text in markup', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(inMarkup(value, 0)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
      }),
    );
  });
});
