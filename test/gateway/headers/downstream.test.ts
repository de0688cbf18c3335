import { describe, expect, it } from 'vitest';
import { publicCookie } from '../../../src/gateway/headers/cookies.ts';
import { compileInjection, injectHeaders } from '../../../src/gateway/headers/credentials.ts';
import { type DownstreamFacts, downstreamHeaders } from '../../../src/gateway/headers/downstream.ts';
import { FIELD_LIMITS } from '../../../src/gateway/headers/fields.ts';
import { publicLocation } from '../../../src/gateway/headers/location.ts';

const MOUNT = {
  upstreams: ['https://up.example.com/v1', 'https://up2.example.com/v1'],
  requested: 'https://up.example.com/v1/orders/7?key=s3cr3t-k3y',
  publicBase: 'https://weir.test/g/acme/orders',
  queryNames: ['key'],
};

const facts = (extra: Partial<DownstreamFacts> = {}): DownstreamFacts => ({
  requestId: 'req-1',
  mount: MOUNT,
  cookiePath: '/g/acme/orders',
  secrets: ['s3cr3t-k3y'],
  ...extra,
});

function shown(received: HeadersInit, extra: Partial<DownstreamFacts> = {}): Headers {
  const answer = downstreamHeaders(new Headers(received), facts(extra));
  if (!answer.ok) throw new Error(answer.reason);
  return answer.headers;
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
    expect(headers.get('via')).toBe('1.1 weir');
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
    ['a=1; Path=x', '/g/o/s', 'a=1; Path=/g/o/s'],
    ['a=1; Path=/', '', 'a=1; Path=/'],
    ['a=1', '', 'a=1'],
    ['a=x=y; DOMAIN=.evil.test; Path=/a; Path=/b', '', 'a=x=y; Path=/b'],
    ['', '/g/o/s', '; Path=/g/o/s'],
  ])('the cookie %j below %j is %j', (cookie, mount, expected) => expect(publicCookie(cookie, mount)).toBe(expected));

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
