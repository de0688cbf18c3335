import { env } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { runSchedule } from '../src/schedule.ts';
import config from '../wrangler.toml?raw';
import { call, signUp } from './support/api.ts';
import { database, rowCounts } from './support/database.ts';

const declared = [
  ...new Set([...config.matchAll(/^crons = \[(.*)\]$/gm)].flatMap(([, list]) => list?.match(/"[^"]+"/g) ?? [])),
].map((text) => text.slice(1, -1));

describe('the schedule', () => {
  it('has jobs for every cron expression that wrangler.toml declares', async () => {
    expect(declared).toEqual(['* * * * *', '17 * * * *']);
    for (const cron of declared) await expect(runSchedule(cron, env)).resolves.toBeUndefined();
  });

  it('refuses an expression that it does not know', async () => {
    await expect(runSchedule('0 0 * * *', env)).rejects.toThrow('no jobs for the cron expression 0 0 * * *');
  });

  it('deletes what has expired, every hour, and nothing else', async () => {
    const person = await signUp();
    const body = { name: 'T', chain_id: 1, registry: 'identity' };
    for (const key of ['kept', 'gone']) {
      await call('POST', '/api/v1/triggers', { token: person.token, body, headers: { 'Idempotency-Key': key } });
    }
    await database().query.execute(
      sql`update idempotent_answers set expires_at = now() - interval '1 second' where key = 'gone'`,
    );
    await database().query.execute(sql`update sessions set expires_at = now() - interval '2 days'`);
    const other = await signUp();
    await runSchedule('17 * * * *', env);
    const counts = await rowCounts();
    expect(counts['idempotent_answers']).toBe(1);
    expect(counts['sessions']).toBe(1);
    expect((await call('GET', '/api/v1/organizations', { token: other.token })).status).toBe(200);
    expect((await call('GET', '/api/v1/organizations', { token: person.token })).status).toBe(401);
  });
});
