import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import { connect } from '../../src/db/client.ts';

const UNREACHABLE = 'postgresql://nobody:nothing@127.0.0.1:1/none';

/** An app whose database is at an address where nothing answers. */
function withoutDatabase(proxyUrl: string | undefined) {
  const deps = appDeps(env);
  return createApp({ ...deps, db: connect({ url: UNREACHABLE, proxyUrl }) });
}

describe('while PostgreSQL cannot be reached', () => {
  const account = { username: 'someone', email: 'someone@example.com', password: 'long enough' };
  const requests: [string, string, RequestInit][] = [
    ['a single statement', '/api/v1/events', {}],
    ['a transaction', '/api/v1/auth/register', { method: 'POST', body: JSON.stringify(account) }],
  ];

  it.each(requests)('%s answers 503 and says when to try again', async (_, path, init) => {
    const headers = { 'Content-Type': 'application/json' };
    // The relay answers for a database that it cannot reach; without a relay nothing answers at all.
    for (const proxyUrl of [appDeps(env).config.database.proxyUrl, 'http://127.0.0.1:1']) {
      const answer = await withoutDatabase(proxyUrl).request(`https://weir.test${path}`, { ...init, headers }, env);
      const body = await answer.text();
      expect({ proxyUrl, status: answer.status, body }).toMatchObject({ status: 503 });
      expect(answer.headers.get('Retry-After')).toBe('5');
      expect(JSON.parse(body)).toMatchObject({ error: 'service_unavailable' });
      expect(body).not.toContain('127.0.0.1');
    }
    // The driver's settings are the isolate's: point them back at the relay.
    connect(appDeps(env).config.database);
  });
});
