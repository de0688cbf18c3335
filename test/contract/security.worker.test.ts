import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { PERMISSIONS, ROLE_PERMISSIONS } from '../../src/access/permissions.ts';
import type { Operation } from '../../src/http/operation.ts';
import { OPERATIONS } from '../../src/operations.ts';
import { type Answer, call } from '../support/api.ts';
import { rowCounts } from '../support/database.ts';
import { buildWorld, REQUESTS, type World } from './world.ts';

/**
 * The same refusals for every operation of the contract: no credential, a wrong one, another organization's resource,
 * too low a role, too small a scope. (A malformed or oversized body is refused in bad-input.worker.test.ts.) The
 * operations come from the contract, so one that has no request in `world.ts` fails here.
 */
let world: World;

beforeAll(async () => {
  world = await buildWorld();
}, 60_000);

const named = (filter: (op: Operation) => boolean) => OPERATIONS.filter(filter).map((op) => [op.id, op] as const);

const isOf =
  (...kinds: Operation['security']['kind'][]) =>
  (op: Operation) =>
    kinds.includes(op.security.kind);

type Headers = Record<string, string>;

/** An operation's request about the world's own organization. */
function requestOf(op: Operation) {
  const make = REQUESTS[op.id];
  if (!make) throw new Error(`${op.id} has no request in world.ts`);
  return make(world);
}

/** Sends it with these credentials. */
function send(op: Operation, headers: Headers): Promise<Answer> {
  const { path, body, headers: own } = requestOf(op);
  return call(op.method.toUpperCase(), path, { body, headers: { ...own, ...headers } });
}

const bearer = (token: string): Headers => ({ Authorization: `Bearer ${token}` });

async function wrongCredentials(): Promise<Headers[]> {
  const now = Math.floor(Date.now() / 1_000);
  const forged = await new SignJWT({ username: 'x', sid: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setSubject(world.owner.id)
    .setIssuer('https://weir.test')
    .setAudience('https://weir.test')
    .setIssuedAt(now)
    .setExpirationTime(now + 3_600)
    .sign(new TextEncoder().encode('another secret of at least thirty-two bytes'));
  const made = `sk_live_${'a'.repeat(60)}`;
  return [
    bearer('not.a.token'),
    bearer(forged),
    bearer(made),
    bearer(''),
    { Authorization: `Basic ${btoa('admin:admin')}` },
    { Authorization: world.owner.token },
    { 'X-API-Key': made },
    { 'X-API-Key': 'x' },
    { 'X-API-Key': world.revokedKey },
    bearer(world.revokedKey),
  ];
}

const withoutId = ({ request_id: _, ...body }: Record<string, unknown>) => body;

describe('every operation', () => {
  it.each(named(() => true))('%s declares what it needs and what it costs', (_, op) => {
    expect([0, 1, 2, 5, 10]).toContain(op.cost);
    if (op.security.kind === 'public') expect(op.cost).toBe(0);
    if ('permission' in op.security) expect(PERMISSIONS).toContain(op.security.permission);
    else expect(['public', 'user']).toContain(op.security.kind);
  });

  it('that is public is one of these, and no other', () => {
    const ids = OPERATIONS.filter(isOf('public')).map(({ id }) => id);
    expect(ids.sort()).toEqual(
      [
        'challengeWallet',
        'getAgentCard',
        'getAgentDocument',
        'getDocs',
        'getDocsFile',
        'getHealth',
        'getOpenApi',
        'getServicesHealth',
        'login',
        'logInWallet',
        'openPublicSocket',
        'refreshToken',
        'register',
      ].sort(),
    );
  });
});

const changing = named((op) => op.method !== 'get' && op.security.kind !== 'public');

describe.each(changing)('%s', (_, op) => {
  it('is refused with a query parameter that it does not have, and nothing is written', async () => {
    const { path, body, headers } = requestOf(op);
    const before = await rowCounts();
    const query = `${path.includes('?') ? '&' : '?'}dry_runn=true`;
    const answer = await call(op.method.toUpperCase(), path + query, {
      body,
      headers: { ...headers, ...bearer(world.owner.token) },
    });
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
    expect((answer.body as { details: unknown }).details).toEqual([
      { path: 'dry_runn', message: 'Unknown query parameter' },
    ]);
    expect(await rowCounts()).toEqual(before);
  });
});

describe.each(named(isOf('user', 'caller', 'organization')))('%s', (_, op) => {
  it('is refused without a credential, and nothing is written', async () => {
    const before = await rowCounts();
    const answer = await send(op, {});
    expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
    expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer');
    expect(await rowCounts()).toEqual(before);
  });
});

describe.each(named(isOf('user', 'caller', 'organization', 'open')))('%s', (_, op) => {
  it('is refused with a wrong credential, always in the same words for a kind', async () => {
    for (const headers of await wrongCredentials()) {
      const answer = await send(op, headers);
      expect({ headers, status: answer.status, body: answer.body }).toMatchObject({
        status: 401,
        body: { error: 'unauthorized' },
      });
    }
  });
});

describe.each(named(isOf('user')))('%s', (_, op) => {
  it('is refused to a key and to a wallet, which are no persons', async () => {
    for (const headers of [{ 'X-API-Key': world.adminKey }, bearer(world.strangerWallet)]) {
      expect(await send(op, headers)).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    }
  });
});

describe.each(named(isOf('organization')))('%s', (_, op) => {
  it('finds nothing for a stranger, with any kind of credential, and nothing is written', async () => {
    const before = await rowCounts();
    for (const headers of [
      bearer(world.stranger.token),
      { 'X-API-Key': world.strangerKey },
      bearer(world.strangerKey),
      bearer(world.strangerWallet),
    ]) {
      const answer = await send(op, headers);
      expect({ headers, status: answer.status, body: answer.body }).toMatchObject({
        status: 404,
        body: { error: 'not_found' },
      });
    }
    expect(await rowCounts()).toEqual(before);
  });

  it('is refused to a key without its scope', async () => {
    expect(await send(op, { 'X-API-Key': world.eventsKey })).toMatchObject({
      status: 403,
      body: { error: 'forbidden' },
    });
  });

  it.each(['viewer', 'member', 'admin'] as const)(
    'is refused to the role %s if that does not hold its permission',
    async (role) => {
      const permission = 'permission' in op.security ? op.security.permission : undefined;
      if (permission === undefined || ROLE_PERMISSIONS[role].has(permission)) return;
      const before = await rowCounts();
      const answer = await send(op, bearer(world.members[role].token));
      expect({ role, status: answer.status, body: answer.body }).toMatchObject({
        status: 403,
        body: { error: 'forbidden' },
      });
      expect(await rowCounts()).toEqual(before);
    },
  );
});

describe.each(named(isOf('caller')))('%s', (_, op) => {
  it('is refused to a key without its scope', async () => {
    expect(await send(op, { 'X-API-Key': world.eventsKey })).toMatchObject({
      status: 403,
      body: { error: 'forbidden' },
    });
  });

  it('finds nothing for a stranger', async () => {
    for (const headers of [
      bearer(world.stranger.token),
      { 'X-API-Key': world.strangerKey },
      bearer(world.strangerWallet),
    ]) {
      expect(await send(op, headers)).toMatchObject({ status: 404, body: { error: 'not_found' } });
    }
  });
});

describe.each(named(isOf('open')))('%s', (_, op) => {
  it('is refused to a key without its scope, and open to one with it and to anyone without a key', async () => {
    expect(await send(op, { 'X-API-Key': world.triggersKey })).toMatchObject({
      status: 403,
      body: { error: 'forbidden' },
    });
    const isOfEvents = 'permission' in op.security && op.security.permission === 'events:read';
    const key = isOfEvents ? world.eventsKey : world.adminKey;
    expect((await send(op, { 'X-API-Key': key })).status).toBe(200);
    expect((await send(op, {})).status).toBe(200);
  });
});

describe('public operations', () => {
  it('do not look at credentials', async () => {
    for (const headers of await wrongCredentials()) {
      const answer = await call('GET', '/api/v1/health', { headers });
      expect(answer.status).toBe(200);
    }
  });

  it('tell nothing apart that only an account’s owner may know', async () => {
    const login = (username_or_email: string) =>
      call('POST', '/api/v1/auth/login', { body: { username_or_email, password: 'wrong password' } });
    const [known, unknown] = [await login(world.owner.username), await login('nobody-of-this-name')];
    expect(known.status).toBe(401);
    expect(withoutId(known.body as Record<string, unknown>)).toEqual(
      withoutId(unknown.body as Record<string, unknown>),
    );
  });
});
