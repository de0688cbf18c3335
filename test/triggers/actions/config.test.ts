import { describe, expect, it } from 'vitest';
import { type ActionType, deliveryEndpoint, validateActionConfig } from '../../../src/triggers/actions/kinds.ts';
import { rules } from './fixtures.ts';

const check = (type: ActionType, config: unknown) => validateActionConfig(type, config, rules('localhost'));

const faults = (type: ActionType, config: unknown) => {
  const result = check(type, config);
  return result.ok ? [] : result.details.map(({ path, message }) => `${path}: ${message}`);
};

const REST = { method: 'POST', url: 'https://hooks.example.com/x' };
const TELEGRAM = { chat_id: '123456789', message_template: 'New agent minted: {{agent_id}}' };
const MCP = { server_url: 'https://mcp.example.com/mcp', tool_name: 'notify' };

describe('the config of a REST action', () => {
  it.each<[string, object]>([
    ['only a method and a URL', {}],
    ['any method', { method: 'DELETE' }],
    ['a listed host without https', { url: 'http://localhost:9999/x' }],
    ['templates in path and query', { url: 'https://hooks.example.com/agents/{{agent_id}}?by={{owner}}' }],
    ['templates right after the host', { url: 'https://hooks.example.com?by={{owner}}' }],
    ['headers', { headers: { Authorization: 'Bearer x', 'X-Agent': '{{agent_id}}' } }],
    ['a text body', { body: 'Agent {{agent_id}}' }],
    ['a text body that starts like a list', { body: '[alert] agent {{agent_id}}' }],
    ['a JSON text body', { body: '{"id": {{agent_id}}, "by": "{{owner}}"}' }],
    ['a JSON body', { body: { text: 'Agent {{agent_id}}', n: 1, list: ['{{tag1}}', null, true] } }],
    [
      'a body that looks like JSON but is said to be text',
      { body: '{not json', headers: { 'content-type': 'text/plain' } },
    ],
    ['the bounds of the timeout', { timeout_ms: 1_000 }],
    ['the other bound of the timeout', { timeout_ms: 30_000 }],
    ['expected statuses', { expected_status: [200, 302, 599] }],
  ])('may have %s', (_, extra) => {
    const config = { ...REST, ...extra };
    expect(check('rest', config)).toEqual({ ok: true, config });
  });

  it.each<[object | null | string, string]>([
    [{ method: 'TRACE' }, 'method: '],
    [{ method: 'post' }, 'method: '],
    [{ method: undefined }, 'method: '],
    [{ url: undefined }, 'url: '],
    [{ url: 7 }, 'url: '],
    [{ url: '' }, 'url: must have at least 1 character'],
    [{ url: `https://hooks.example.com/${'x'.repeat(2048)}` }, 'url: must have at most 2048 characters'],
    [{ url: 'http://hooks.example.com/' }, 'url: must use https'],
    [{ url: 'https://127.0.0.1/' }, 'url: must name a host, not an IP address'],
    [{ url: 'https://0x7f.1/{{agent_id}}' }, 'url: must name a host, not an IP address'],
    [{ url: 'https://{{owner}}/x' }, 'url: must not have templates before its path'],
    [{ url: '{{agent_uri}}' }, 'url: must not have templates before its path'],
    [{ url: 'https://a.{{tag1}}.example.com/' }, 'url: must not have templates before its path'],
    [{ url: 'https://hooks.example.com{{tag1}}/' }, 'url: must not have templates before its path'],
    [{ url: 'https://hooks.example.com:{{log_index}}/' }, 'url: must not have templates before its path'],
    [{ url: 'https://{{owner}}@hooks.example.com/' }, 'url: must not have templates before its path'],
    [{ url: 'https://hooks.example.com/../{{tag1}}' }, 'url: must not have "." or ".." segments'],
    [{ url: 'https://hooks.example.com/{{nope}}' }, 'url: names the unknown field "nope" at character 27'],
    [{ url: 'https://hooks.example.com/#{{tag1}}' }, 'url: must not have a fragment'],
    [{ headers: [] }, 'headers: '],
    [{ headers: { 'a b': 'x' } }, 'headers.a b: must be a header name (RFC 9110)'],
    [{ headers: { 'a:': 'x' } }, 'headers.a:: must be a header name (RFC 9110)'],
    [{ headers: { '': 'x' } }, 'headers.: must be a header name (RFC 9110)'],
    [{ headers: { 'x\r\ny': 'x' } }, 'headers.x\r\ny: must be a header name (RFC 9110)'],
    [{ headers: { a: 1 } }, 'headers.a: '],
    [{ headers: { a: 'x'.repeat(1025) } }, 'headers.a: must have at most 1024 characters'],
    [{ headers: { a: 'x\r\nb: y' } }, 'headers.a: must hold only visible ASCII characters'],
    [{ headers: { a: 'x\0' } }, 'headers.a: must hold only visible ASCII characters'],
    [{ headers: { a: 'é' } }, 'headers.a: must hold only visible ASCII characters'],
    [{ headers: { a: '{{nope}}' } }, 'headers.a: names the unknown field "nope"'],
    [{ headers: { Host: 'x' } }, 'headers.Host: must not be set by an action'],
    [{ headers: { 'Content-Length': '1' } }, 'headers.Content-Length: must not be set by an action'],
    [{ headers: { connection: 'x' } }, 'headers.connection: must not be set by an action'],
    [{ headers: { 'Transfer-Encoding': 'chunked' } }, 'headers.Transfer-Encoding: must not be set by an action'],
    [{ headers: { 'Proxy-Authorization': 'x' } }, 'headers.Proxy-Authorization: must not be set by an action'],
    [{ headers: { 'webhook-id': 'x' } }, 'headers.webhook-id: must not be set by an action'],
    [{ headers: { 'Weir-Trigger-Id': 'x' } }, 'headers.Weir-Trigger-Id: must not be set by an action'],
    [{ headers: { 'X-A': '1', 'x-a': '2' } }, 'headers.x-a: is given twice'],
    [
      { headers: Object.fromEntries(Array.from({ length: 51 }, (__, index) => [`h${index}`, 'x'])) },
      'headers: must have at most 50 headers',
    ],
    [{ body: null }, 'body: must be a text, an object or a list'],
    [{ body: 7 }, 'body: must be a text, an object or a list'],
    [{ body: '{{nope}}' }, 'body: names the unknown field "nope" at character 1'],
    [{ body: '{"a": }' }, 'body: must be JSON once its templates are filled in'],
    [{ body: '{"a": "\\{{tag1}}"}' }, 'body: must be JSON once its templates are filled in'],
    [{ body: '{"a": 1{{tag1}}}' }, 'body: must be JSON once its templates are filled in'],
    [
      { body: 'x', headers: { 'Content-Type': 'application/json; charset=utf-8' } },
      'body: must be JSON once its templates are filled in',
    ],
    [{ body: { a: ['{{nope}}'] } }, 'body.a.0: names the unknown field "nope" at character 1'],
    [{ body: 'x\0' }, 'body: '],
    [{ body: { a: '\ud800' } }, 'body: '],
    [{ body: { 'a\0': 1 } }, 'body: '],
    [{ body: 'x'.repeat(65_537) }, 'body: '],
    [{ body: ['x'.repeat(65_537)] }, 'body: '],
    [{ method: 'GET', body: 'x' }, 'body: must not be given for GET'],
    [{ timeout_ms: 999 }, 'timeout_ms: '],
    [{ timeout_ms: 30_001 }, 'timeout_ms: '],
    [{ timeout_ms: 1_500.5 }, 'timeout_ms: '],
    [{ timeout_ms: '5000' }, 'timeout_ms: '],
    [{ expected_status: [] }, 'expected_status: '],
    [{ expected_status: 200 }, 'expected_status: '],
    [{ expected_status: [99] }, 'expected_status.0: '],
    [{ expected_status: [200, 600] }, 'expected_status.1: '],
    [{ expected_status: ['200'] }, 'expected_status.0: '],
    [{ retries: 3 }, 'retries: is not a known field'],
    [{ bot_token: 'x' }, 'bot_token: is not a known field'],
  ])('may not have %j', (extra, fault) => {
    const found = faults('rest', { ...REST, ...(extra as object) });
    expect(
      found.some((text) => text.startsWith(fault)),
      found.join(' | '),
    ).toBe(true);
  });

  it.each([null, 'text', 7, [], undefined])('is not %j', (config) => expect(faults('rest', config)).not.toEqual([]));

  it('reports every fault at once', () => {
    expect(
      faults('rest', { ...REST, url: 'ftp://x', headers: { Host: 'x' }, body: '{{nope}}' }).map(
        (text) => text.split(':')[0],
      ),
    ).toEqual(['url', 'headers.Host', 'body']);
  });
});

describe('the config of a Telegram action', () => {
  it.each<[string, object]>([
    ['what the contract shows', {}],
    ['a group', { chat_id: '-1001234567890' }],
    ['a channel', { chat_id: '@news' }],
    ['a parse mode', { parse_mode: 'HTML' }],
    ['the other parse mode', { parse_mode: 'MarkdownV2' }],
    ['no parse mode', { parse_mode: null }],
    ['a token of its own', { bot_token: '123456:AbC-dEf_1' }],
    ['4096 UTF-16 units', { message_template: '😀'.repeat(2048) }],
    ['more with its markup', { message_template: `<b>${'x'.repeat(4089)}</b>`, parse_mode: 'HTML' }],
  ])('may have %s', (_, extra) => {
    const config = { ...TELEGRAM, ...extra };
    expect(check('telegram', config)).toEqual({ ok: true, config });
  });

  it('keeps an integer chat id as text', () => {
    expect(check('telegram', { ...TELEGRAM, chat_id: -1_001_234_567_890 })).toMatchObject({
      config: { chat_id: '-1001234567890' },
    });
  });

  it.each<[object, string]>([
    [{ chat_id: undefined }, 'chat_id: '],
    [{ chat_id: '' }, 'chat_id: '],
    [{ chat_id: 1.5 }, 'chat_id: '],
    [{ chat_id: true }, 'chat_id: '],
    [{ chat_id: 'a\nb' }, 'chat_id: '],
    [{ chat_id: 'x'.repeat(129) }, 'chat_id: '],
    [{ message_template: undefined }, 'message_template: '],
    [{ message_template: '' }, 'message_template: must have at least 1 character'],
    [{ message_template: '😀'.repeat(2049) }, 'message_template: must have at most 4096 characters (UTF-16)'],
    [{ message_template: '<b>{{agent_id}}', parse_mode: 'HTML' }, 'message_template: has a <b> that is not closed'],
    [{ message_template: '1.', parse_mode: 'MarkdownV2' }, 'message_template: has a "." that is not escaped'],
    [{ message_template: 'x'.repeat(4097) }, 'message_template: must have at most 4096 characters'],
    [{ message_template: 'x\0' }, 'message_template: must be well-formed Unicode without NUL'],
    [{ message_template: '{{nope}}' }, 'message_template: names the unknown field "nope"'],
    [{ message_template: 7 }, 'message_template: '],
    [{ parse_mode: 'Markdown' }, 'parse_mode: '],
    [{ bot_token: 'x' }, 'bot_token: must be a bot token'],
    [{ bot_token: '123:a/../b' }, 'bot_token: must be a bot token'],
    [{ url: 'https://x' }, 'url: is not a known field'],
  ])('may not have %j', (extra, fault) => {
    const found = faults('telegram', { ...TELEGRAM, ...extra });
    expect(
      found.some((text) => text.startsWith(fault)),
      found.join(' | '),
    ).toBe(true);
  });
});

describe('a Telegram action without a token', () => {
  it('is refused where the deployment has none either', () => {
    const result = validateActionConfig('telegram', TELEGRAM, { ...rules(), hasBotToken: false });
    const message = 'must be given: this deployment has no bot of its own';
    expect(result).toEqual({ ok: false, details: [{ path: 'bot_token', message }] });
    const own = { ...TELEGRAM, bot_token: '1:a' };
    expect(validateActionConfig('telegram', own, { ...rules(), hasBotToken: false })).toMatchObject({ ok: true });
  });
});

describe('the config of an MCP action', () => {
  it.each<[string, object]>([
    ['a server and a tool', {}],
    ['arguments', { arguments: { agent: '{{agent_id}}', nested: { list: ['{{tag1}}', 1] } } }],
    ['a token and a timeout', { auth_token: 'abc.def', timeout_ms: 30_000 }],
  ])('may have %s', (_, extra) => {
    const config = { ...MCP, ...extra };
    expect(check('mcp', config)).toEqual({ ok: true, config });
  });

  it.each<[object, string]>([
    [{ server_url: undefined }, 'server_url: '],
    [{ server_url: 'http://mcp.example.com/' }, 'server_url: must use https'],
    [{ server_url: 'https://[::1]/' }, 'server_url: must name a host, not an IP address'],
    [{ server_url: 'https://mcp.example.com/{{agent_id}}' }, 'server_url: must not have templates'],
    [{ tool_name: '' }, 'tool_name: '],
    [{ tool_name: 'x'.repeat(257) }, 'tool_name: must have at most 256 characters'],
    [{ tool_name: 'a\nb' }, 'tool_name: must not contain control characters'],
    [{ arguments: [] }, 'arguments: '],
    [{ arguments: { a: ['{{nope}}'] } }, 'arguments.a.0: names the unknown field "nope"'],
    [{ arguments: { a: '\0' } }, 'arguments: '],
    [{ arguments: { a: 'x'.repeat(65_537) } }, 'arguments: '],
    [{ auth_token: '' }, 'auth_token: '],
    [{ auth_token: 'a b' }, 'auth_token: must hold only visible ASCII characters'],
    [{ auth_token: 'x'.repeat(4097) }, 'auth_token: must have at most 4096 characters'],
    [{ timeout_ms: 1 }, 'timeout_ms: '],
    [{ tool: 'x' }, 'tool: is not a known field'],
  ])('may not have %j', (extra, fault) => {
    const found = faults('mcp', { ...MCP, ...extra });
    expect(
      found.some((text) => text.startsWith(fault)),
      found.join(' | '),
    ).toBe(true);
  });
});

describe('the endpoint of a delivery', () => {
  it('is the organization and the destination', () => {
    expect(deliveryEndpoint('org', 'rest', { ...REST, url: 'https://hooks.example.com:8443/{{agent_id}}' })).toBe(
      'org https://hooks.example.com:8443',
    );
    expect(deliveryEndpoint('org', 'mcp', MCP)).toBe('org https://mcp.example.com');
    expect(deliveryEndpoint('org', 'telegram', TELEGRAM)).toBe('org telegram:123456789');
  });
});
