import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import { connect } from '../../src/db/client.ts';
import { call } from '../support/api.ts';

describe('GET /api/v1/health', () => {
  it('says that all is well', async () => {
    const answer = await call('GET', '/api/v1/health');
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ status: 'healthy', database: 'connected', version: '0.1.0' });
  });

  it('answers 503 when PostgreSQL cannot be reached', async () => {
    const deps = appDeps(env);
    const db = connect({ ...deps.config.database, url: 'postgresql://nobody:nothing@127.0.0.1:1/none' });
    const answer = await createApp({ ...deps, db }).request('/api/v1/health', {}, env);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ status: 'unhealthy', database: 'disconnected', version: '0.1.0' });
  });
});
