import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import { connectRedis } from '../../src/db/redis.ts';
import { limitAddress } from '../../src/http/address.ts';

const LIMIT = 3;

/** An app with small limits; `address` is what the platform says of the caller. */
function newApp(redis = appDeps(env).redis) {
  const deps = appDeps(env);
  const config = { ...deps.config, authLimits: { register: LIMIT, login: LIMIT } };
  const app = createApp({ ...deps, config, redis });
  return (path: string, address: string, headers: Record<string, string> = {}) =>
    app.request(
      `https://weir.test${path}`,
      { method: 'POST', body: '{}', headers: { 'CF-Connecting-IP': address, ...headers } },
      env,
    );
}

const someAddress = () => `198.51.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}`;

describe('the limit of attempts by address', () => {
  it('answers 429 in the form of the contract once it is used up', async () => {
    const send = newApp();
    const address = someAddress();
    for (let n = 0; n < LIMIT; n += 1) expect((await send('/api/v1/auth/login', address)).status).toBe(400);
    const refused = await send('/api/v1/auth/login', address);
    expect(refused.status).toBe(429);
    const retryAfter = Number(refused.headers.get('Retry-After'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(3_600);
    expect(await refused.json()).toMatchObject({
      error: { code: 'RATE_LIMITED', retry_after: retryAfter, limit: LIMIT, window: 3_600 },
    });
  });

  it('counts exactly when many come at once', async () => {
    const send = newApp();
    const address = someAddress();
    const answers = await Promise.all(Array.from({ length: 10 }, () => send('/api/v1/auth/register', address)));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(10 - LIMIT);
  });

  it('keeps addresses and endpoints apart, and believes no header that a client can write', async () => {
    const send = newApp();
    const address = someAddress();
    for (let n = 0; n < LIMIT; n += 1) await send('/api/v1/auth/login', address);
    expect(
      (await send('/api/v1/auth/login', address, { 'X-Forwarded-For': '203.0.113.9', 'X-Real-IP': '203.0.113.9' }))
        .status,
    ).toBe(429);
    expect((await send('/api/v1/auth/register', address)).status).toBe(400);
    expect((await send('/api/v1/auth/login', someAddress())).status).toBe(400);
  });

  it('lets requests through when Redis cannot be reached', async () => {
    const send = newApp(connectRedis({ url: 'http://127.0.0.1:9', token: 'x' }));
    const address = someAddress();
    for (let n = 0; n <= LIMIT; n += 1) expect((await send('/api/v1/auth/login', address)).status).toBe(400);
  });
});

describe('the address that limits count by', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['', 'unknown'],
    ['not an address', 'unknown'],
  ])('of %s is %s', (address, counted) => {
    expect(limitAddress(new Headers({ 'CF-Connecting-IP': address }))).toBe(counted);
  });
});
