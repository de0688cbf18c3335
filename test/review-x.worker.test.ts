import { exports } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { call, newTrigger, newAction, signUp } from './support/api.ts';
import { database } from './support/database.ts';
import { linked, loggedIn, newAccount } from './support/wallets.ts';
import { watchOwnChain } from './support/watched-chain.ts';
import { newMember, newOrganization } from './identity/api-keys-fixture.ts';

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
beforeAll(async () => { chain = await watchOwnChain(); });
afterAll(() => chain.stop());
const report: string[] = [];
const say = (name: string, value: unknown) => { report.push(`@@ ${name}: ${JSON.stringify(value)?.slice(0, 700)}`); };
afterAll(() => { throw new Error('\n' + report.join('\n')); });
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
function parked(path: string, token: string, body: object) {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const { readable, writable } = new FixedLengthStream(bytes.length);
  const writer = writable.getWriter();
  const answer = exports.default.fetch(new Request(`https://weir.test${path}`, {
    method: 'POST', body: readable, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) },
  }));
  return { async release() { void writer.write(bytes).then(() => writer.close()); const r = await answer; return { status: r.status, body: await r.json() as any }; } };
}
const rows = async (q: any) => ((await database().query.execute(q)) as any).rows;

describe('x', () => {
  it('T wallet parked', async () => {
    const a = await signUp(); const w = newAccount();
    await chain.setOwner(911n, w.address); await linked(a, 911n, w);
    const t = await loggedIn(w);
    const park = parked('/api/v1/triggers', t.token, { name: 'late', chain_id: 1, registry: 'identity' });
    await sleep(400);
    const un = await call('DELETE', `/api/v1/agents/911/link?chain_id=31337&organization_id=${a.personalOrganizationId}`, { token: a.token });
    const after = await call('GET', '/api/v1/triggers', { token: t.token });
    say('T', [un.status, after.status, (await park.release()).status]);
  });
  it('S member removed while waiting', async () => {
    const owner = await signUp(); const o = await newOrganization(owner); const m = await newMember(owner, o, 'member');
    const t = await newTrigger(owner, { organization_id: o });
    let put: any, rem: any;
    await database().transaction(async (tx) => {
      await tx.execute(sql`select 1 from triggers where id = ${t} for update`);
      put = call('PUT', `/api/v1/triggers/${t}`, { token: m.token, body: { name: 'after removal' } });
      await sleep(600);
      rem = await call('DELETE', `/api/v1/organizations/${o}/members/${m.id}`, { token: owner.token });
    });
    say('S', [rem.status, (await put).status]);
  });
  it('P lock', async () => {
    const p = await signUp();
    await database().query.execute(sql`update users set failed_logins = 70, locked_until = now() - interval '1 second' where id = ${p.id}`);
    const t0 = Date.now();
    await Promise.all(Array.from({ length: 10 }, () => call('POST', '/api/v1/auth/login', { body: { username_or_email: p.username, password: 'wrong' } })));
    const ms = Date.now() - t0;
    const right = await call('POST', '/api/v1/auth/login', { body: { username_or_email: p.username, password: p.password } });
    say('P', [ms, right.status, await rows(sql`select failed_logins, locked_until - now() as left from users where id = ${p.id}`)]);
  });
  it('Q idle transactions by anonymous idempotent logins', async () => {
    const p = await signUp();
    let max = 0; let stop = false;
    const watch = (async () => { while (!stop) { const [r] = await rows(sql`select count(*)::int as n from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()`); max = Math.max(max, r.n); await sleep(20); } })();
    const t0 = Date.now();
    const rs = await Promise.all(Array.from({ length: 60 }, () => call('POST', '/api/v1/auth/login', { body: { username_or_email: 'nobody', password: 'wrong' }, headers: { 'Idempotency-Key': crypto.randomUUID() } })));
    stop = true; await watch;
    const count: any = {}; for (const r of rs) count[r.status] = (count[r.status] ?? 0) + 1;
    const [mc] = await rows(sql`show max_connections`);
    say('Q keyed', [max, count, Date.now() - t0, mc]);
    max = 0; stop = false;
    const watch2 = (async () => { while (!stop) { const [r] = await rows(sql`select count(*)::int as n from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()`); max = Math.max(max, r.n); await sleep(20); } })();
    await Promise.all(Array.from({ length: 60 }, () => call('POST', '/api/v1/auth/login', { body: { username_or_email: 'nobody', password: 'wrong' } })));
    stop = true; await watch2;
    say('Q unkeyed', [max]);
  });
  it('R audit size', async () => {
    const p = await signUp(); const t = await newTrigger(p);
    const cfg = (c: string) => ({ method: 'POST', url: 'https://hooks.example.com/x', headers: { 'Content-Type': 'text/plain' }, body: c.repeat(65_000) });
    const a = await newAction(p, t, cfg('水'));
    for (let i = 0; i < 60; i++) { const r = await call('PUT', `/api/v1/triggers/${t}/actions/${a.id}`, { token: p.token, body: { config: cfg(i % 2 ? '水' : '火') } }); if (i === 0) say('R put', r.status); }
    const [sz] = await rows(sql`select count(*)::int n, max(octet_length(content))::int mx, sum(octet_length(content))::int total from audit_logs where organization_id = ${p.personalOrganizationId}`);
    const t0 = Date.now();
    const l = await exports.default.fetch(new Request('https://weir.test/api/v1/audit-logs?limit=100', { headers: { Authorization: `Bearer ${p.token}` } }));
    const len = (await l.arrayBuffer()).byteLength;
    const t1 = Date.now();
    const v = await call('GET', '/api/v1/audit-logs/verify', { token: p.token });
    say('R', [sz, l.status, len, t1 - t0, v.status, Date.now() - t1]);
  });
});
