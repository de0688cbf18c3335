import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { type AppDeps, appDeps } from '../../src/context.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { call, newTrigger, signUp } from '../support/api.ts';

const UUID = /^[0-9a-f-]{36}$/;

describe('every answer', () => {
  it.each(['/api/v1/health', '/api/v1/triggers', '/nowhere', '/openapi.json'])(
    'of %s carries a request id',
    async (path) => {
      const answer = await call('GET', path);
      expect(answer.headers.get('X-Request-Id')).toMatch(UUID);
    },
  );

  it('takes over a request id that is well-formed, and no other', async () => {
    const given = await call('GET', '/api/v1/health', { headers: { 'X-Request-Id': 'trace-0123_abc' } });
    expect(given.headers.get('X-Request-Id')).toBe('trace-0123_abc');
    for (const bad of ['a b', 'x'.repeat(129), '<script>', '{}']) {
      const answer = await call('GET', '/api/v1/health', { headers: { 'X-Request-Id': bad } });
      expect(answer.headers.get('X-Request-Id')).toMatch(UUID);
    }
  });

  it.each(['/api/v1/health', '/api/v1/triggers', '/nowhere', '/docs'])(
    'of %s carries security headers',
    async (path) => {
      const { headers } = await call('GET', path);
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
      expect(headers.get('X-Frame-Options')).toBe('SAMEORIGIN');
      expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains');
      expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'");
      expect(headers.get('Referrer-Policy')).toBe('no-referrer');
    },
  );

  it('is not kept by caches unless it says so', async () => {
    expect((await call('GET', '/api/v1/health')).headers.get('Cache-Control')).toBe('no-store');
  });
});

describe('CORS', () => {
  const preflight = (origin: string, path = '/api/v1/triggers') =>
    call('OPTIONS', path, { headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } });

  it('lets the listed origins in', async () => {
    const { status, headers } = await preflight('https://console.weir.test');
    expect(status).toBe(204);
    expect(headers.get('Access-Control-Allow-Origin')).toBe('https://console.weir.test');
    expect(headers.get('Access-Control-Allow-Methods')).toBe('GET,POST,PUT,DELETE');
    expect(headers.get('Vary')).toContain('Origin');
  });

  it.each(['null', 'https://evil.test', 'https://console.weir.test.evil.test', 'http://console.weir.test'])(
    'does not let %s in',
    async (origin) => {
      const { headers } = await preflight(origin);
      expect(headers.get('Access-Control-Allow-Origin')).toBeNull();
      const plain = await call('GET', '/api/v1/health', { headers: { Origin: origin } });
      expect(plain.headers.get('Access-Control-Allow-Origin')).toBeNull();
    },
  );

  it('never allows credentials', async () => {
    expect((await preflight('https://console.weir.test')).headers.get('Access-Control-Allow-Credentials')).toBeNull();
  });

  it('opens the discovery documents to every origin, asked beforehand or not', async () => {
    const { headers: allowed } = await preflight('https://anyone.test', '/.well-known/agent.json');
    expect(allowed.get('Access-Control-Allow-Origin')).toBe('*');
    for (const origin of ['https://anyone.test', 'https://console.weir.test']) {
      const { headers } = await call('GET', '/.well-known/agent.json', { headers: { Origin: origin } });
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
    }
  });
});

describe('a known path', () => {
  it.each([
    ['PATCH', '/api/v1/triggers', 'GET, POST'],
    ['POST', `/api/v1/triggers/${crypto.randomUUID()}`, 'DELETE, GET, PUT'],
    ['DELETE', '/api/v1/health', 'GET'],
  ])('answers 405 to %s %s and says what it supports', async (method, path, allow) => {
    const answer = await call(method, path);
    expect(answer).toMatchObject({ status: 405, body: { error: 'method_not_allowed' } });
    expect(answer.headers.get('Allow')).toBe(allow);
  });
});

describe('errors', () => {
  it('have the form of the contract', async () => {
    const answer = await call('GET', '/api/v1/triggers');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer');
    expect(answer.body).toEqual({
      error: 'unauthorized',
      message: 'Authentication is required',
      request_id: answer.headers.get('X-Request-Id'),
    });
  });

  it('are problem details (RFC 9457) for those who ask for them', async () => {
    const answer = await call('GET', '/nowhere', { headers: { Accept: 'application/problem+json' } });
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
    expect(answer.body).toEqual({
      type: 'about:blank',
      title: 'There is no such resource',
      status: 404,
      detail: 'There is nothing at /nowhere',
      code: 'not_found',
      request_id: answer.headers.get('X-Request-Id'),
    });
  });
});

/** The app with its log lines caught and one dependency broken. */
function observed(change: Partial<AppDeps> = {}) {
  const lines: Record<string, unknown>[] = [];
  const sink = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  const app = createApp({ ...appDeps(env), log: createLogger({ info: sink, warn: sink, error: sink }), ...change });
  return { app, lines };
}

describe('the log', () => {
  it('holds one line a request with method, route, status, duration, organization and request id', async () => {
    const person = await signUp();
    const trigger = await newTrigger(person);
    const { app, lines } = observed();
    const headers = { Authorization: `Bearer ${person.token}`, 'X-Request-Id': 'trace-1' };
    await app.request(`https://weir.test/api/v1/triggers/${trigger}?secret=1`, { headers }, env);
    expect(lines).toEqual([
      {
        event: 'request',
        level: 'info',
        method: 'GET',
        route: '/api/v1/triggers/:id',
        status: 200,
        duration_ms: expect.any(Number),
        organization_id: person.personalOrganizationId,
        request_id: 'trace-1',
      },
    ]);
  });

  it('tells of an unknown failure what the answer keeps to itself', async () => {
    const broken = () =>
      Promise.reject(new Error('connection to 10.0.0.5 with password hunter2 failed\nparams: hunter3'));
    const { app, lines } = observed({ grantIn: broken });
    const person = await signUp();
    const trigger = await newTrigger(person);
    const answer = await app.request(
      `https://weir.test/api/v1/triggers/${trigger}`,
      { headers: { Authorization: `Bearer ${person.token}` } },
      env,
    );
    expect(answer.status).toBe(500);
    const body = await answer.text();
    expect(body).not.toContain('10.0.0.5');
    expect(JSON.parse(body)).toMatchObject({ error: 'internal_error' });
    const failure = lines.find(({ event }) => event === 'request.failed');
    expect(failure?.['error']).toContain('10.0.0.5');
    expect(failure?.['error']).not.toContain('hunter3');
  });
});

describe('what a browser sends', () => {
  const register = (headers: Record<string, string>, body = '{}') =>
    call('POST', '/api/v1/auth/register', { body, headers });

  it.each(['https://evil.test', 'null', 'https://weir.test.evil.test', 'http://weir.test'])(
    'to change something is refused from the origin %s',
    async (origin) => {
      expect(await register({ Origin: origin })).toMatchObject({ status: 403, body: { error: 'forbidden' } });
      expect((await call('GET', '/api/v1/health', { headers: { Origin: origin } })).status).toBe(200);
    },
  );

  it.each(['https://weir.test', 'https://console.weir.test'])('is accepted from %s', async (origin) => {
    expect((await register({ Origin: origin })).status).toBe(400);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])(
    'as %s is not taken for JSON, which another site’s form could then send',
    async (type) => {
      const body = JSON.stringify({ username: 'someone', email: 'a@example.com', password: 'long enough' });
      const answer = await register({ 'Content-Type': type }, body);
      expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
    },
  );
});
