import { describe, expect, it } from 'vitest';
import type { Cors } from '../../../src/gateway/compiled.ts';
import { compileJsonChange } from '../../../src/gateway/transform/body.ts';
import { compileCors } from '../../../src/gateway/transform/cors.ts';
import { askForWhole, changeAnswer, changeRequest, isJsonType } from '../../../src/gateway/transform/message.ts';

const CHANGE = compileJsonChange({ expression: '{b: a}', maxBytes: 100 }, ['/b/secret']);

const MAP = compileJsonChange({ expression: '{b: a}', maxBytes: 100 }, []);

const bodyOf = (text: string | Uint8Array<ArrayBuffer>) => new Response(text).body;

async function answered(headers: Headers, text: string | null, extra: { method?: string; status?: number } = {}) {
  const body = text === null ? null : bodyOf(text);
  return changeAnswer(CHANGE, { method: 'GET', status: 200, body, ...extra }, headers);
}

const json = (extra: Record<string, string> = {}) => new Headers({ 'content-type': 'application/json', ...extra });

describe('a message with a map', () => {
  it.each<[string, boolean]>([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['application/problem+json', true],
    ['application/vnd.acme.v2+json;a=b', true],
    ['text/json', true],
    ['text/json; charset=utf-8', true],
    ['text/x-json', false],
    ['application/json-seq', false],
    ['application/x-ndjson', false],
    ['application/jsonp', false],
    ['text/plain', false],
    ['text/event-stream', false],
    ['', false],
  ])('of the type %j is JSON: %s', (type, expected) => {
    expect(isJsonType(new Headers({ 'content-type': type }))).toBe(expected);
  });

  it('is mapped and masked, and its fields say nothing about bytes that are no more', async () => {
    const headers = json({
      etag: '"abc"',
      'content-length': '7',
      'content-encoding': 'gzip',
      'accept-ranges': 'bytes',
      'content-digest': 'sha-256=:x:',
      'last-modified': 'x',
    });
    const outcome = await answered(headers, '{"a":{"secret":1}}');
    expect(outcome).toEqual({ ok: true, body: '{"b":{"secret":"***"}}' });
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'application/json',
      etag: 'W/"abc"',
      'last-modified': 'x',
    });
  });

  it('is masked but not mapped when it is no answer of success', async () => {
    expect(await answered(json(), '{"b":{"secret":1}}', { status: 404 })).toEqual({
      ok: true,
      body: '{"b":{"secret":"***"}}',
    });
  });

  it('stays the stream it is when it is not JSON and only mapped, or nothing is to be changed', async () => {
    const body = bodyOf('data: 1\n\n');
    const headers = new Headers({ 'content-type': 'text/event-stream', 'content-length': '9' });
    const answer = { method: 'GET', status: 200, body };
    expect(await changeAnswer(MAP, answer, headers)).toEqual({ ok: true, body });
    expect(await changeAnswer(null, answer, json())).toEqual({ ok: true, body });
    expect(await changeRequest(null, json(), body)).toEqual({ ok: true, body });
    expect(headers.get('content-length')).toBe('9');
  });

  it.each<[string, number]>([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('has no body to map for %s and %i, and the same fields as with one', async (method, status) => {
    const headers = json({ etag: '"abc"', 'content-length': '7' });
    expect(await answered(headers, null, { method, status })).toEqual({ ok: true, body: null });
    expect(headers.get('etag')).toBe('W/"abc"');
    expect(headers.has('content-length')).toBe(false);
  });

  it('is never passed on unchanged when it cannot be changed', async () => {
    expect(await answered(json(), '{"a":1}', { status: 206 })).toMatchObject({ ok: false, reason: 'partial' });
    expect(await answered(json({ 'content-encoding': 'zstd' }), 'x')).toMatchObject({ ok: false, reason: 'coding' });
    expect(await answered(json(), '<html>')).toMatchObject({ ok: false, reason: 'not_json' });
    expect(await answered(json(), `"${'x'.repeat(200)}"`)).toMatchObject({ ok: false, reason: 'too_large' });
  });

  it.each([
    'application/x-ndjson',
    'application/json-seq',
    'application/json, text/plain',
    'text/plain',
    'text/event-stream',
    'text/html',
    '',
  ])('is not shown as %j when something in it is hidden, and is let go of', async (type) => {
    for (const status of [200, 206, 404, 500]) {
      const headers = new Headers({ 'content-type': type });
      const outcome = await answered(headers, '{"b":{"secret":1}}', { status });
      expect(outcome).toEqual({ ok: false, reason: 'not_json', message: 'only JSON can be masked' });
    }
    const body = bodyOf('{"b":{"secret":1}}');
    await changeAnswer(CHANGE, { method: 'GET', status: 200, body }, new Headers());
    expect(body?.locked).toBe(false);
    expect((await body?.getReader().read())?.done).toBe(true);
  });

  it('is masked as text/json too', async () => {
    const headers = new Headers({ 'content-type': 'text/json' });
    expect(await answered(headers, '{"a":{"secret":1}}')).toEqual({ ok: true, body: '{"b":{"secret":"***"}}' });
  });

  it.each<[string, number, string | null]>([
    ['HEAD', 200, null],
    ['GET', 204, null],
    ['GET', 304, null],
    ['GET', 302, null],
    ['GET', 200, ''],
  ])('hides nothing in no body: %s, %i, %j', async (method, status, text) => {
    const headers = new Headers({ 'content-type': 'text/plain', 'content-length': '0' });
    expect(await answered(headers, text, { method, status })).toEqual({ ok: true, body: null });
    expect(headers.get('content-length')).toBe('0');
  });

  it('is UTF-8, a byte order mark aside', async () => {
    const broken = bodyOf(new Uint8Array([0x22, 0xff, 0x22]));
    expect(await changeRequest(CHANGE, json(), broken)).toMatchObject({ ok: false, reason: 'not_json' });
    const marked = bodyOf(new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode('{"a":1}')]));
    expect(await changeRequest(CHANGE, json(), marked)).toEqual({ ok: true, body: '{"b":1}' });
  });

  it('stops reading where its bound is, and lets go of the rest', async () => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(60).fill(0x20));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    expect(await changeRequest(CHANGE, json(), endless)).toMatchObject({ ok: false, reason: 'too_large' });
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(5);
  });

  it('is refused on the way in when it says that it is something else: that would be a way around the map', async () => {
    const headers = new Headers({ 'content-type': 'text/plain' });
    expect(await changeRequest(MAP, headers, bodyOf('{"a":1}'))).toMatchObject({ ok: false, reason: 'coding' });
    expect(await changeRequest(MAP, headers, null)).toEqual({ ok: true, body: null });
  });

  it('is refused on the way in when it is coded, and passes when it is empty', async () => {
    expect(await changeRequest(CHANGE, json({ 'content-encoding': 'gzip' }), bodyOf('x'))).toMatchObject({
      ok: false,
      reason: 'coding',
    });
    expect(await changeRequest(CHANGE, json(), bodyOf(''))).toEqual({ ok: true, body: '' });
    expect(await changeRequest(CHANGE, json(), null)).toEqual({ ok: true, body: null });
  });

  it.each<[string | null, string]>([
    [null, 'application/json'],
    ['*/*', 'application/json'],
    ['text/plain, application/x-ndjson;q=0.9', 'application/json'],
    [
      'text/html, application/hal+json;q=0.8, application/json;version=v2, */*',
      'application/hal+json;q=0.8, application/json;version=v2',
    ],
  ])('is asked for as JSON where %j is accepted', (accept, expected) => {
    const headers = new Headers(accept === null ? {} : { accept });
    askForWhole(null, headers);
    expect(headers.get('accept')).toBe(accept);
    askForWhole(MAP, headers);
    expect(headers.get('accept')).toBe(expected);
  });

  it('is asked for as a whole', () => {
    const headers = new Headers({ range: 'bytes=0-1', 'if-range': '"a"', 'accept-encoding': 'zstd' });
    askForWhole(null, headers);
    expect(headers.get('range')).toBe('bytes=0-1');
    askForWhole(CHANGE, headers);
    expect(Object.fromEntries(headers)).toEqual({ accept: 'application/json', 'accept-encoding': 'gzip' });
  });
});

const cors = (extra: Partial<Cors> = {}): Cors => ({
  origins: ['https://app.example.com'],
  methods: ['GET', 'POST'],
  headers: ['X-API-Key'],
  expose: ['X-RateLimit-Remaining'],
  credentials: true,
  maxAgeSeconds: 600,
  ...extra,
});

const preflight = (rules: Cors, origin: string) =>
  compileCors(rules).preflight('OPTIONS', new Headers({ origin, 'access-control-request-method': 'PUT' }));

describe('CORS', () => {
  it('answers a preflight of a listed origin', () => {
    const answer = preflight(cors(), 'https://app.example.com');
    expect(answer?.status).toBe(204);
    expect(Object.fromEntries(answer?.headers ?? [])).toEqual({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'X-API-Key',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
  });

  it.each([
    'https://evil.test',
    'null',
    'http://app.example.com',
    'https://app.example.com.evil.test',
    'https://evilapp.example.com',
    'https://app.example.com:444',
    'https://APP.example.com',
    '*',
    '',
  ])('gives the origin %j nothing', (origin) => {
    expect(Object.fromEntries(preflight(cors(), origin)?.headers ?? [])).toEqual({ vary: 'Origin' });
    const answer = new Headers({ 'access-control-allow-origin': origin });
    compileCors(cors()).decorate(new Headers({ origin }), answer);
    expect(Object.fromEntries(answer)).toEqual({ vary: 'Origin' });
  });

  it('takes nothing else for a preflight', () => {
    const rules = compileCors(cors());
    const origin = 'https://app.example.com';
    expect(rules.preflight('OPTIONS', new Headers({ origin }))).toBeUndefined();
    expect(rules.preflight('OPTIONS', new Headers({ 'access-control-request-method': 'GET' }))).toBeUndefined();
    expect(rules.preflight('GET', new Headers({ origin, 'access-control-request-method': 'GET' }))).toBeUndefined();
  });

  it('speaks instead of the upstream, and varies by Origin also where there is none', () => {
    const answer = new Headers({ 'access-control-allow-origin': '*', vary: 'Accept', 'access-control-max-age': '9' });
    compileCors(cors()).decorate(new Headers(), answer);
    expect(Object.fromEntries(answer)).toEqual({ vary: 'Accept, Origin' });
    compileCors(cors()).decorate(new Headers({ origin: 'https://app.example.com' }), answer);
    expect(answer.get('access-control-expose-headers')).toBe('X-RateLimit-Remaining');
    expect(answer.get('vary')).toBe('Accept, Origin');
  });

  it('never has "*" with credentials', () => {
    const answer = preflight(cors({ origins: ['*'], credentials: true }), 'https://anyone.test');
    expect(answer?.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer?.headers.has('access-control-allow-credentials')).toBe(false);
    expect(answer?.headers.has('vary')).toBe(false);
  });
});
