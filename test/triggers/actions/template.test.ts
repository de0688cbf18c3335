import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_FIELDS } from '../../../src/chain/events.ts';
import { asText } from '../../../src/kernel/escape.ts';
import { MAX_RENDERED, RenderedTooLarge, render } from '../../../src/kernel/template.ts';
import { knownTemplate, parseTemplate } from '../../../src/triggers/actions/template.ts';
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
    ['{{agent_id.x}}', 'names the unknown field "agent_id.x" at character 1'],
    ['{{event.nope}}', 'names the unknown field "event.nope" at character 1'],
    ['{{state.secret}}', 'names the unknown field "state.secret" at character 1'],
    ['{{agent_id | nope}}', 'names the unknown filter "nope" (known filters: number, date, '],
    ['x {{agent_id|number:x}}', 'has a filter "number", which takes a number of digits from 0 to 18, or nothing'],
    ['{{agent_id | number:19}}', 'has a filter "number"'],
    ['{{timestamp | date:"%Y"}}', 'has a filter "date", which takes one of rfc3339, unix, or nothing'],
    ['{{owner | address:long}}', 'has a filter "address"'],
    ['{{tag1 | upper:1}}', 'has a filter "upper", which takes no argument, with another argument at character 8'],
    ['{{tag1 | default:"{" }}', 'has a filter "default", which takes a text'],
    ['{{tag1 | default}}', 'has a filter "default", which takes a text'],
    ['{{tag1 || upper}}', 'has something other than "| filter:argument" at character 8'],
    ['{{tag1 | upper lower}}', 'has something other than "| filter:argument" at character 16'],
    ['{{tag1 upper}}', 'has something other than "| filter:argument" at character 8'],
    ['{{tag1|upper|upper|upper|upper|upper|upper}}', 'has more than 5 filters at character 37'],
    ['{{{agent_id}}}', 'has a "{{" that no field name follows, at character 1'],
    ['{{constructor.constructor("x")()}}', 'has a "{{" that no field name follows, at character 1'],
    ['{{#each x}}', 'has a "{{" that no field name follows, at character 1'],
  ])('%j is refused: %s', (text, fault) => expect(faultOf(text)?.startsWith(fault), faultOf(text)).toBe(true));

  it.each<[string, string | number | null, string]>([
    ['{{event.score}}', '32.50', '32.50'],
    ['{{score | number}}', '32.50', '32.5'],
    ['{{score|number:2}}', '32.5', '32.50'],
    ['{{score | number:0}}', '-0.5', '-1'],
    ['{{score | number:0}}', '-0.4', '0'],
    ['{{score | number:1}}', '99999999999999999999.95', '100000000000000000000.0'],
    ['{{score | number:3}}', 7, '7.000'],
    ['{{score | number:2}}', 'n/a', 'n/a'],
    ['{{score | number:2}}', null, ''],
    ['{{timestamp | date:unix}}', '2026-01-02T03:04:05Z', '1767323045'],
    ['{{timestamp | date}}', 1_767_323_045, '2026-01-02T03:04:05Z'],
    ['{{timestamp | date}}', 'soon', 'soon'],
    ['{{owner | address:short}}', '0xABCDef0123456789abcdef0123456789abcdef01', '0xabcd…ef01'],
    ['{{owner | address}}', '0xABCDef0123456789abcdef0123456789abcdef01', '0xabcdef0123456789abcdef0123456789abcdef01'],
    ['{{owner | address:short}}', 'vitalik', 'vitalik'],
    ['{{tag1 | json}}', 'a"b', '"a\\"b"'],
    ['{{tag1 | json}}', null, 'null'],
    ['{{tag1 | upper}}', 'straße', 'STRASSE'],
    ['{{tag1 | upper | lower}}', 'ÀB', 'àb'],
    ['{{tag1 | default:"none | given"}}', null, 'none | given'],
    ["{{ tag1|default:'-'|upper }}", '', '-'],
    ['{{tag1 | default:none}}', 'x', 'x'],
  ])('%j of %j is %j', (text, value, expected) => {
    const names = ['score', 'timestamp', 'owner', 'tag1'];
    expect(rendered(text, Object.fromEntries(names.map((name) => [name, value])))).toBe(expected);
  });

  it('reads a path as the flat name, and knows what the trigger remembers', () => {
    const values = {
      agent_id: 7,
      trigger_name: 'mine',
      'state.ema': '41.5',
      'state.count': 3,
      'delivery.kind': 'fire',
    };
    expect(rendered('{{agent.id}} {{trigger.name}} {{state.ema}} {{state.count}} {{delivery.kind}}', values)).toBe(
      '7 mine 41.5 3 fire',
    );
  });

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
