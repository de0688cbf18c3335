import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { CHAINS } from '../../src/chain/chains.ts';
import { appDeps } from '../../src/context.ts';
import { connectRedis } from '../../src/db/redis.ts';
import { agentDocument } from '../../src/portal/discovery/contract.ts';
import { call } from '../support/api.ts';

const PATH = '/.well-known/agent.json';

describe(PATH, () => {
  it('has every key of the documented example and says what this deployment is', async () => {
    const answer = await call('GET', PATH);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=3600');
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(agentDocument.strict().parse(answer.body)).toMatchObject({
      api_version: 'v1',
      base_url: 'https://weir.test',
      endpoints: {
        api_documentation: 'https://weir.test/docs',
        health_check: 'https://weir.test/api/v1/health',
        authentication: {
          register: 'https://weir.test/api/v1/auth/register',
          login: 'https://weir.test/api/v1/auth/login',
        },
        triggers: 'https://weir.test/api/v1/triggers',
      },
      capabilities: {
        rate_limiting: {
          enabled: true,
          tiers: [
            { tier: 'anonymous', rate_limit: '10 calls/hour', authentication: 'none' },
            { tier: 'starter', rate_limit: '100 calls/hour', authentication: 'api_key' },
            { tier: 'pro', rate_limit: '500 calls/hour', authentication: 'api_key' },
            { tier: 'enterprise', rate_limit: '2000 calls/hour', authentication: 'api_key' },
          ],
        },
      },
      contact: { email: 'support@8004.dev' },
      protocol_version: 'erc-8004-v1.0',
    });
  });

  it('is made once and then comes from Redis', async () => {
    let now = new Date('2026-01-01T00:00:00Z');
    const deps = { ...appDeps(env), clock: () => now };
    const config = { ...deps.config, baseUrl: `https://${crypto.randomUUID()}.test` };
    const ask = async () => (await createApp({ ...deps, config }).request(PATH, {}, env)).json();
    const first = await ask();
    expect(first).toMatchObject({ generated_at: '2026-01-01T00:00:00Z' });
    now = new Date('2026-01-01T00:30:00Z');
    expect(await ask()).toEqual(first);
  });

  it('lists the chains that are watched', async () => {
    const deps = appDeps(env);
    const chains = CHAINS.filter(({ id }) => id === 84_532).map((chain) => ({
      ...chain,
      rpcUrls: ['https://rpc.test/key'],
    }));
    const answer = await createApp({ ...deps, config: { ...deps.config, chains } }).request(PATH, {}, env);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({
      capabilities: {
        push_layer: {
          enabled: true,
          supported_chains: [
            { chain_id: 84_532, name: 'Base Sepolia', registries: ['identity', 'reputation', 'validation'] },
          ],
        },
      },
    });
    expect(text).not.toContain('rpc.test');
  });

  it('is answered without Redis too', async () => {
    const redis = connectRedis({ url: 'http://127.0.0.1:9', token: 'x' });
    const answer = await createApp({ ...appDeps(env), redis }).request(PATH, {}, env);
    expect(answer.status).toBe(200);
  });
});

describe('/.well-known/agent-card.json', () => {
  it('is an A2A card', async () => {
    const answer = await call('GET', '/.well-known/agent-card.json');
    expect(answer).toMatchObject({
      status: 200,
      body: {
        supportedInterfaces: [{ url: 'https://weir.test/api/v1', protocolBinding: 'HTTP+JSON' }],
        skills: [{ id: 'triggers' }],
      },
    });
  });
});
