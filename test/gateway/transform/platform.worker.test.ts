import { describe, expect, it } from 'vitest';
import { downstreamHeaders } from '../../../src/gateway/headers/downstream.ts';
import { continueTrace } from '../../../src/gateway/headers/trace.ts';
import { upstreamHeaders } from '../../../src/gateway/headers/upstream.ts';
import { compileJsonChange } from '../../../src/gateway/transform/body.ts';
import { changeAnswer } from '../../../src/gateway/transform/message.ts';

const FACTS = {
  requestId: 'r',
  address: '203.0.113.7',
  host: 'a.test',
  scheme: 'https' as const,
  passOn: [],
  websocket: false,
};

describe('in workerd', () => {
  it('bodies are mapped without losing digits, and hold no exact number for an object', () => {
    const change = compileJsonChange({ expression: '{i: id, t: type(id)}', maxBytes: 1_000 }, []);
    expect(change?.apply('{"id":12345678901234567890}', true)).toEqual({
      ok: true,
      text: '{"i":12345678901234567890,"t":"number"}',
    });
  });

  it('a compressed answer is read decoded, and masked', async () => {
    const change = compileJsonChange(null, ['/a']);
    const headers = new Headers({ 'content-type': 'application/json', 'content-encoding': 'gzip', etag: '"x"' });
    // An automatic body is plain text to whoever reads it here, and compressed on the wire.
    const { body } = new Response('{"a":1}', { headers });
    expect(await changeAnswer(change, { method: 'GET', status: 200, body }, headers)).toEqual({
      ok: true,
      body: '{"a":"***"}',
    });
    expect(headers.get('content-encoding')).toBeNull();
  });

  it('fields are rewritten, and several cookies stay several', () => {
    const received = new Headers({ 'X-Forwarded-For': '1.1.1.1', Connection: 'x-hop', 'X-Hop': '1', Accept: '*/*' });
    const sent = upstreamHeaders(received, { ...FACTS, trace: continueTrace(received) });
    expect(sent.ok && sent.headers.get('x-forwarded-for')).toBe('203.0.113.7');
    expect(sent.ok && sent.headers.has('x-hop')).toBe(false);
    const answer = new Headers({ server: 'x' });
    answer.append('set-cookie', 'a=1; Path=/');
    answer.append('set-cookie', 'b=2');
    const mount = { upstreams: [], requested: 'https://up.test/', publicBase: 'https://a.test', queryNames: [] };
    const cookies = { mount: '/g/o/s', upstream: 'https://up.test' };
    const shown = downstreamHeaders(answer, { requestId: 'r', mount, cookies, secrets: [] });
    const headers = new Headers();
    if (shown.ok) shown.headers.writeTo(headers);
    expect(headers.getSetCookie()).toEqual(['a=1; Path=/g/o/s', 'b=2; Path=/g/o/s']);
  });
});
