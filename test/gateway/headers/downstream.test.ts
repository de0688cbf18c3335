import { describe, expect, it } from 'vitest';
import { confine } from '../../../src/gateway/headers/confine.ts';
import { publicCookie } from '../../../src/gateway/headers/cookies.ts';
import { compileInjection, injectHeaders } from '../../../src/gateway/headers/credentials.ts';
import { type DownstreamFacts, downstreamHeaders } from '../../../src/gateway/headers/downstream.ts';
import { FIELD_LIMITS } from '../../../src/gateway/headers/fields.ts';
import { publicLinks, publicLocation, publicRefresh } from '../../../src/gateway/headers/location.ts';

const MOUNT = {
  upstreams: ['https://up.example.com/v1', 'https://up2.example.com/v1'],
  requested: 'https://up.example.com/v1/orders/7?key=s3cr3t-k3y',
  publicBase: 'https://weir.test/g/acme/orders',
  queryNames: ['key'],
};

const facts = (extra: Partial<DownstreamFacts> = {}): DownstreamFacts => ({
  requestId: 'req-1',
  mount: MOUNT,
  cookies: { mount: '/g/acme/orders', upstream: 'https://up.example.com/v1' },
  secrets: ['s3cr3t-k3y'],
  ...extra,
});

function shown(received: HeadersInit, extra: Partial<DownstreamFacts> = {}): Headers {
  const answer = downstreamHeaders(new Headers(received), facts(extra));
  if (!answer.ok) throw new Error(answer.reason);
  const headers = new Headers();
  answer.headers.writeTo(headers);
  return headers;
}

describe('what comes back from the upstream', () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Server',
    'X-Powered-By',
    'Strict-Transport-Security',
    'Alt-Svc',
    'Clear-Site-Data',
    'Service-Worker-Allowed',
    'NEL',
    'CF-Cache-Status',
    'CF-Ray',
    'X-Accel-Redirect',
    'X-Lighttpd-Send-File',
    'Surrogate-Control',
    'CDN-Cache-Control',
    'X-Sandbox',
  ])('does not have %s', (name) => {
    expect(shown({ [name]: 'x', 'x-stays': '1' }).get(name)).toBeNull();
  });

  it('keeps the fields of the answer, and says through whom it came and which call it belongs to', () => {
    const fields = {
      'content-type': 'text/plain',
      etag: '"1"',
      age: '3',
      'retry-after': '9',
      'www-authenticate': 'Basic',
    };
    const headers = shown({ ...fields, via: '1.1 inner-proxy', 'x-request-id': 'theirs' });
    for (const [name, value] of Object.entries(fields)) expect(headers.get(name)).toBe(value);
    expect(headers.get('via')).toBe('1.1 inner-proxy, 1.1 weir');
    expect(shown({}).get('via')).toBe('1.1 weir');
    expect(headers.get('x-request-id')).toBe('req-1');
    expect(headers.get('x-upstream-request-id')).toBe('theirs');
  });

  it('drops what Connection names', () => {
    expect(shown({ connection: 'X-Hop', 'x-hop': '1' }).has('x-hop')).toBe(false);
  });

  it("gives the upstream's own rate limits another name, so that nobody takes them for ours", () => {
    const headers = shown({ 'X-RateLimit-Remaining': '3', 'RateLimit-Policy': '"x";q=1', RateLimit: '"x";r=1' });
    expect(headers.get('x-ratelimit-remaining')).toBeNull();
    expect(headers.get('ratelimit')).toBeNull();
    expect(headers.get('x-upstream-ratelimit-remaining')).toBe('3');
    expect(headers.get('x-upstream-ratelimit-policy')).toBe('"x";q=1');
  });

  it('keeps several cookies apart, bound to the API', () => {
    const received = new Headers();
    received.append('set-cookie', 'a=1; Path=/; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT');
    received.append('set-cookie', 'b=2; Domain=example.com; Secure');
    expect(shown(received).getSetCookie()).toEqual([
      'a=1; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/g/acme/orders',
      'b=2; Secure; Path=/g/acme/orders',
    ]);
  });

  it.each<[string, string, string]>([
    ['a=1; path=/x', '/g/o/s', 'a=1; Path=/g/o/s/x'],
    // Below the upstream's own path, or for all of it: the caller is never there.
    ['a=1; Path=/base/x', '/g/o/s', 'a=1; Path=/g/o/s/x'],
    ['a=1; Path=/base', '/g/o/s', 'a=1; Path=/g/o/s'],
    ['a=1; Path=/base/', '/g/o/s', 'a=1; Path=/g/o/s'],
    ['a=1; Path=/base', '', 'a=1; Path=/'],
    ['a=1; Path=/basement', '/g/o/s', 'a=1; Path=/g/o/s/basement'],
    ['a=1; Path=x', '/g/o/s', 'a=1; Path=/g/o/s'],
    ['a=1; Path=/', '', 'a=1; Path=/'],
    ['a=1', '', 'a=1'],
    ['a=x=y; DOMAIN=.evil.test; Path=/a; Path=/b', '', 'a=x=y; Path=/b'],
    ['', '/g/o/s', '; Path=/g/o/s'],
  ])('the cookie %j below %j is %j', (cookie, mount, expected) =>
    expect(publicCookie(cookie, { mount, upstream: 'https://up.test/base' })).toBe(expected),
  );

  it('never gives an injected credential back, in no spelling', () => {
    const headers = shown({
      'x-echo': 'Bearer s3cr3t-k3y',
      'x-url': 'https://up.example.com/?key=s3cr3t-k3y',
      location: 'https://up.example.com/v1/next?key=s3cr3t-k3y&page=2',
    });
    expect([...headers.values()].join(' ')).not.toContain('s3cr3t-k3y');
    expect(headers.get('location')).toBe('https://weir.test/g/acme/orders/next?page=2');
  });

  it('refuses more than its bounds, and what would break out of its field', () => {
    const large = new Headers({ 'x-a': 'a'.repeat(FIELD_LIMITS.bytes) });
    expect(downstreamHeaders(large, facts())).toEqual({ ok: false, reason: 'too_large' });
    const broken = Object.assign(new Headers(), { [Symbol.iterator]: () => [['x-a', 'a\r\nb: c']][Symbol.iterator]() });
    expect(downstreamHeaders(broken, facts())).toEqual({ ok: false, reason: 'malformed' });
  });
});

describe('a redirect of the upstream', () => {
  it.each<[string, string]>([
    ['https://up.example.com/v1', 'https://weir.test/g/acme/orders'],
    ['https://up.example.com/v1/a?b=c#d', 'https://weir.test/g/acme/orders/a?b=c#d'],
    ['https://up2.example.com/v1/a', 'https://weir.test/g/acme/orders/a'],
    ['HTTPS://UP.example.com:443/v1/a', 'https://weir.test/g/acme/orders/a'],
    ['/v1/a', 'https://weir.test/g/acme/orders/a'],
    ['8', 'https://weir.test/g/acme/orders/orders/8'],
    ['?page=2', 'https://weir.test/g/acme/orders/orders/7?page=2'],
    ['/v1/../login', 'https://up.example.com/login'],
    ['/v10/a', 'https://up.example.com/v10/a'],
    ['/login', 'https://up.example.com/login'],
    ['https://login.other.test/x?y', 'https://login.other.test/x?y'],
    ['//evil.test/v1', '//evil.test/v1'],
    ['https://up.example.com.evil.test/v1', 'https://up.example.com.evil.test/v1'],
    ['https://up.example.com@evil.test/v1', 'https://up.example.com@evil.test/v1'],
    ['http://up.example.com/v1', 'http://up.example.com/v1'],
    ['http://[', 'http://['],
  ])('to %s leads to %s', (location, expected) => expect(publicLocation(location, MOUNT)).toBe(expected));
});

describe('what leads on without being a redirect', () => {
  it.each<[string, string]>([
    [
      '<https://up.example.com/v1/orders?page=2>; rel="next"',
      '<https://weir.test/g/acme/orders/orders?page=2>; rel="next"',
    ],
    [
      '</v1/a>; rel=x, <//up2.example.com/v1/b>',
      '<https://weir.test/g/acme/orders/a>; rel=x, <https://weir.test/g/acme/orders/b>',
    ],
    ['<https://up.example.com/v1/a?key=s3cr3t&b=1>; rel=x', '<https://weir.test/g/acme/orders/a?b=1>; rel=x'],
    ['<a>; rel=x, <?page=2>, <#top>, <>', '<a>; rel=x, <?page=2>, <#top>, <>'],
    ['</login>; rel=x, <https://other.test/v1>; rel=y', '</login>; rel=x, <https://other.test/v1>; rel=y'],
    ['<x>; title="\\"</v1/a>"; rel=y, </v1/b>', '<x>; title="\\"</v1/a>"; rel=y, <https://weir.test/g/acme/orders/b>'],
    ['<x>; title="</v1/a>', '<x>; title="</v1/a>'],
    ['<https://[>; rel=x', '<https://[>; rel=x'],
  ])('the Link %s is %s', (link, expected) => {
    expect(publicLinks(link, MOUNT)).toBe(expected);
    expect(shown({ link }).get('link')).toBe(expected);
  });

  it.each<[string, string]>([
    ['5; url=https://up.example.com/v1/a', '5; url=https://weir.test/g/acme/orders/a'],
    ['0;URL="/v1/a?b=1"', '0;URL="https://weir.test/g/acme/orders/a?b=1"'],
    ["0, '/v1/a'", "0, 'https://weir.test/g/acme/orders/a'"],
    ['5; url=https://other.test/x', '5; url=https://other.test/x'],
    ['5', '5'],
    ['', ''],
  ])('the Refresh %s is %s', (refresh, expected) => {
    expect(publicRefresh(refresh, MOUNT)).toBe(expected);
    expect(shown({ refresh }).get('refresh') ?? '').toBe(expected);
  });

  it.each(['<', '"', '\\"', '"\\', ' ', '5; ', '0;url='])('%j many times over takes no time', (text) => {
    const long = `0 ${text.repeat(FIELD_LIMITS.bytes / text.length)}`;
    const started = performance.now();
    publicLinks(long, MOUNT);
    publicRefresh(long, MOUNT);
    expect(performance.now() - started).toBeLessThan(200);
  });
});

describe('an answer on the host that all organizations share', () => {
  const confined = (fields: HeadersInit) => {
    const headers = new Headers(fields);
    confine(headers);
    return headers;
  };

  it.each([
    'text/html',
    'Text/HTML; charset=utf-8',
    'text/plain, text/html',
    'image/svg+xml',
    'application/xhtml+xml;a=b',
    'text/xml',
    'application/xml',
    'application/atom+xml',
    'text/xsl',
    'multipart/x-mixed-replace; boundary=x',
  ])('of the type %s is shown in an origin of its own', (type) => {
    const headers = confined({ 'content-type': type, 'content-security-policy': "img-src 'self'" });
    expect(headers.get('content-security-policy')).toBe("img-src 'self', sandbox");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    'application/json',
    'text/plain',
    'text/htmlx',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  ])('of the type %s is taken for nothing else', (type) => {
    expect(Object.fromEntries(confined({ 'content-type': type }))).toEqual({
      'content-type': type,
      'x-content-type-options': 'nosniff',
    });
  });

  it('without a type is taken for nothing else', () => {
    expect(Object.fromEntries(confined({}))).toEqual({ 'x-content-type-options': 'nosniff' });
  });
});

describe('an injected credential', () => {
  it('is written over what was there, from its template', () => {
    const injection = compileInjection(
      [
        { in: 'header', name: 'Authorization', template: 'Bearer {{ secret }}', sealed: '' },
        { in: 'query', name: 'api key', template: '{{secret}}', sealed: '' },
      ],
      ["$&x{{secret}}$'", 'a&b=c d'],
    );
    const headers = new Headers({ authorization: 'Bearer of the caller' });
    injectHeaders(headers, injection);
    expect(headers.get('authorization')).toBe("Bearer $&x{{secret}}$'");
    expect(injection.query).toEqual(['api%20key=a%26b%3Dc%20d']);
    expect(injection.queryNames).toEqual(['api key']);
  });

  it('is refused when it would break out of its field, and does not say what it is', () => {
    const inject = [{ in: 'header' as const, name: 'x-key', template: '{{secret}}', sealed: '' }];
    expect(() => compileInjection(inject, ['a\r\nx-evil: 1'])).toThrow('the credential for "x-key" holds a line break');
  });
});
