import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELD_LIMITS, isDroppedUp } from '../../../src/gateway/headers/fields.ts';
import { type UpstreamFacts, upstreamHeaders } from '../../../src/gateway/headers/upstream.ts';

const TRACE = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: null,
  traceId: '0',
};

const facts = (extra: Partial<UpstreamFacts> = {}): UpstreamFacts => ({
  requestId: 'req-1',
  address: '203.0.113.7',
  host: 'api.weir.test',
  scheme: 'https',
  trace: TRACE,
  passOn: [],
  websocket: false,
  ...extra,
});

function sent(received: HeadersInit, extra: Partial<UpstreamFacts> = {}): Headers {
  const answer = upstreamHeaders(new Headers(received), facts(extra));
  if (!answer.ok) throw new Error(answer.reason);
  const headers = new Headers();
  answer.headers.writeTo(headers);
  return headers;
}

const OWN = [
  'forwarded',
  'traceparent',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
];

describe('what goes to the upstream', () => {
  it('keeps the fields of the message, each with its value', () => {
    const fields = {
      accept: 'application/json',
      'content-type': 'text/plain',
      'x-custom': 'a, b',
      'user-agent': 'u/1',
    };
    const headers = sent(fields);
    for (const [name, value] of Object.entries(fields)) expect(headers.get(name)).toBe(value);
    expect([...headers.keys()].sort()).toEqual([...Object.keys(fields), ...OWN].sort());
  });

  it.each([
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Host',
    'Content-Length',
    'Expect',
    'X-Real-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'CF-Ray',
    'CF-Worker',
    'X-Client-IP',
    'X-Forwarded-Port',
    'X-Forwarded-User',
    'X-Org-Id',
    'X-User-Id',
    'X-Consumer-Id',
    'X-Authenticated-Userid',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'X-HTTP-Host-Override',
    'X-Original-Method',
    'X_Forwarded_For',
    'X_User_Id',
    'X_Api_Key',
    'CF_Connecting_IP',
    'Anything_Else',
    'Proxy',
    'Client-IP',
    'Fly-Client-IP',
    'X-Originating-IP',
    'X-Remote-IP',
    'X-Remote-Addr',
    'X-ProxyUser-IP',
    'X-Azure-ClientIP',
    'X-AppEngine-User-IP',
    'X-Envoy-External-Address',
    'X-Auth-Request-User',
    'X-WebAuth-User',
    'X-Goog-Authenticated-User-Email',
    'X-MS-Client-Principal',
    'X-Amzn-OIDC-Identity',
    'SSL-Client-Verify',
    'X-SSL-Client-Verify',
    'X-Client-Cert',
    'X-Middleware-Subrequest',
    'Authorization',
    'Cookie',
    'X-API-Key',
    'X-Signature',
    'X-Timestamp',
  ])('drops %s, every time', (name) => {
    expect(sent({ [name]: '1' }).get(name)).toBeNull();
    const headers = sent({ [name]: '1', 'x-stays': 'yes' });
    expect(headers.get(name)).toBeNull();
    expect(headers.get('x-stays')).toBe('yes');
  });

  it('says the same of a name however many others came between', () => {
    for (let at = 0; at < 3_000; at += 1) {
      expect(isDroppedUp(`x-made-up-${at}`)).toBe(false);
      expect(isDroppedUp(`x_made_up_${at}`)).toBe(true);
      expect(isDroppedUp(`cf-${'x'.repeat(100)}${at}`)).toBe(true);
    }
    expect([isDroppedUp('accept'), isDroppedUp('x-made-up-0'), isDroppedUp('x_made_up_0')]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('drops what Connection names, in any case and spacing, and Connection itself', () => {
    const headers = sent({
      Connection: 'close ,X-Secret-Hop,  x-OTHER',
      'x-secret-hop': '1',
      'X-Other': '2',
      accept: '*/*',
    });
    expect([...headers.keys()].sort()).toEqual(['accept', ...OWN].sort());
  });

  it('cannot be brought to leave its own fields out by Connection', () => {
    const headers = sent({ connection: OWN.join(',') });
    expect([...headers.keys()].sort()).toEqual([...OWN].sort());
  });

  it("writes the caller's address, host and scheme from what the platform says alone", () => {
    const headers = sent({
      'X-Forwarded-For': '1.1.1.1, 127.0.0.1',
      'X-Forwarded-Host': 'evil.test',
      'X-Forwarded-Proto': 'http',
      Forwarded: 'for=1.1.1.1;host=evil.test',
    });
    expect(headers.get('x-forwarded-for')).toBe('203.0.113.7');
    expect(headers.get('x-forwarded-host')).toBe('api.weir.test');
    expect(headers.get('x-forwarded-proto')).toBe('https');
    expect(headers.get('forwarded')).toBe('for=203.0.113.7;host="api.weir.test";proto=https');
  });

  it('writes an IPv6 address as RFC 7239 wants it, and an unknown one as such', () => {
    expect(sent({}, { address: '2001:db8::1', host: 'a.test:8080' }).get('forwarded')).toBe(
      'for="[2001:db8::1]";host="a.test:8080";proto=https',
    );
    const unknown = sent({ 'x-forwarded-for': '9.9.9.9' }, { address: undefined });
    expect(unknown.get('forwarded')).toBe('for=unknown;host="api.weir.test";proto=https');
    expect(unknown.get('x-forwarded-for')).toBeNull();
  });

  it("passes on the caller's credentials that the policy names, and no others", () => {
    const received = { authorization: 'Bearer x', cookie: 'a=1', 'x-api-key': 'sk_live_1', 'proxy-authorization': 'y' };
    const headers = sent(received, { passOn: ['authorization', 'proxy-authorization', 'x-org-id'] });
    expect(headers.get('authorization')).toBe('Bearer x');
    for (const name of ['cookie', 'x-api-key', 'proxy-authorization']) expect(headers.get(name)).toBeNull();
  });

  it('keeps Upgrade for a WebSocket alone', () => {
    expect(sent({ upgrade: 'h2c' }).get('upgrade')).toBeNull();
    expect(sent({ upgrade: 'websocket' }, { websocket: true }).get('upgrade')).toBe('websocket');
  });

  it('adds itself to Via, and refuses what has come round', () => {
    expect(sent({}).get('via')).toBe('1.1 weir');
    expect(sent({ via: '1.0 fred, 1.1 Weir (x)' }).get('via')).toBe('1.0 fred, 1.1 Weir (x), 1.1 weir');
    const round = Array.from({ length: 4 }, () => '1.1 weir').join(', ');
    expect(upstreamHeaders(new Headers({ via: round }), facts())).toEqual({ ok: false, reason: 'loop' });
    expect(sent({ via: Array.from({ length: 9 }, () => '1.1 weir-2').join(',') }).get('via')).toContain('1.1 weir');
  });

  it('goes on with the trace and the request id, whatever the caller sent for them', () => {
    const headers = sent({ traceparent: 'x', tracestate: 'a=b', 'x-request-id': 'theirs' });
    expect(headers.get('traceparent')).toBe(TRACE.traceparent);
    expect(headers.get('tracestate')).toBeNull();
    expect(headers.get('x-request-id')).toBe('req-1');
    expect(sent({}, { trace: { ...TRACE, tracestate: 'a=b' } }).get('tracestate')).toBe('a=b');
  });

  it('refuses more fields, or more of them, than its bounds', () => {
    const many = Object.fromEntries(Array.from({ length: FIELD_LIMITS.fields + 1 }, (_, at) => [`x-${at}`, '1']));
    expect(upstreamHeaders(new Headers(many), facts())).toEqual({ ok: false, reason: 'too_large' });
    const large = { 'x-a': 'a'.repeat(FIELD_LIMITS.bytes) };
    expect(upstreamHeaders(new Headers(large), facts())).toEqual({ ok: false, reason: 'too_large' });
  });

  it.each(['a\r\nx-evil: 1', 'a\nb', 'a\0b', 'a\rb'])(
    'refuses the value %j, should the platform ever let it in',
    (value) => {
      // `Headers` refuses it itself, so that the received fields are stood in for.
      const received = Object.assign(new Headers(), { [Symbol.iterator]: () => [['x-a', value]][Symbol.iterator]() });
      expect(upstreamHeaders(received, facts())).toEqual({ ok: false, reason: 'malformed' });
    },
  );

  it('never passes on a claim or a credential, however it is mixed with other fields', () => {
    const names = fc.constantFrom(
      'CF-IPCountry',
      'x-forwarded-for',
      'X-Real-Ip',
      'cookie',
      'x-a',
      'x-b',
      'accept',
      'Forwarded',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.constantFrom('EVIL', '1'))), fc.boolean(), (pairs, listed) => {
        const received = new Headers(pairs);
        if (listed) received.set('connection', 'x-a, accept');
        const headers = sent(received);
        for (const name of ['cf-ipcountry', 'x-real-ip', 'cookie']) expect(headers.has(name)).toBe(false);
        expect(headers.get('x-forwarded-for')).toBe('203.0.113.7');
        expect(headers.get('forwarded')).not.toContain('EVIL');
        expect(headers.get('x-b')).toBe(received.get('x-b'));
        if (listed) expect(headers.has('x-a')).toBe(false);
      }),
    );
  });
});
