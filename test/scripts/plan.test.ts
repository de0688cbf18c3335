import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../scripts/migrate.ts';
import { type NeonRelay, startNeonRelay } from '../../scripts/stack/neon-relay.ts';
import { type Postgres, startThrowAwayPostgres } from '../../scripts/stack/postgres.ts';

let postgres: Postgres;
let relay: NeonRelay;
let db: pg.Pool;
let organization: { id: string; slug: string };

beforeAll(async () => {
  postgres = await startThrowAwayPostgres();
  relay = await startNeonRelay({ reach: { host: '127.0.0.1', port: postgres.port } });
  await migrate({ databaseUrl: postgres.url, proxyUrl: relay.url });
  db = new pg.Pool({ connectionString: postgres.url });
}, 60_000);

afterAll(async () => {
  await db.end();
  await relay.stop();
  await postgres.stop();
});

beforeEach(async () => {
  organization = await newOrganization();
});

async function newOrganization(slug = `o-${randomUUID().slice(0, 8)}`) {
  const id = randomUUID();
  await db.query(
    `insert into organizations (id, name, slug, created_at, updated_at) values ($1, 'Test', $2, now(), now())`,
    [id, slug],
  );
  return { id, slug };
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function plan(args: string[], env?: Record<string, string>): Promise<Ended> {
  const { PATH = '' } = process.env;
  const given = env ?? { DATABASE_URL: postgres.url, DATABASE_PROXY_URL: relay.url };
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/plan.ts', ...args], { env: { PATH, ...given } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

const planOf = async (id: string) =>
  (await db.query('select plan, units_per_hour, leases from organizations where id = $1', [id])).rows[0];

const edgeOf = async (id: string) =>
  (await db.query('select version::int, acked::int from organization_edges where organization_id = $1', [id])).rows[0];

const trailOf = async (id: string): Promise<Array<{ actor: string; action: string; before: object; after: object }>> =>
  (await db.query('select content from audit_logs where organization_id = $1 order by seq', [id])).rows.map((row) =>
    JSON.parse(row.content),
  );

describe('npm run plan', () => {
  it('sets a plan by slug and by id, says what it is now, and leaves an edge that is behind and a trail', async () => {
    const { id, slug } = organization;
    expect(await plan([slug, 'pro'])).toEqual({
      code: 0,
      stdout: `${slug} (${id}): pro, 500 units an hour, leases by the limit. In force within about a minute.\n`,
      stderr: '',
    });
    expect(await plan([id.toUpperCase(), 'starter', '--units', '1000000', '--leases', 'on'])).toMatchObject({
      code: 0,
      stdout: `${slug} (${id}): starter, 1000000 units an hour in place of the plan's, leases on. In force within about a minute.\n`,
    });
    expect(await planOf(id)).toEqual({ plan: 'starter', units_per_hour: 1_000_000, leases: true });
    expect(await edgeOf(id)).toEqual({ version: 2, acked: 0 });
    expect(await trailOf(id)).toMatchObject([
      {
        actor: 'system:plan',
        action: 'organization.plan',
        target: { type: 'organization', id },
        before: { plan: 'free', units_per_hour: null, leases: null },
        after: { plan: 'pro', units_per_hour: null, leases: null },
      },
      { before: { plan: 'pro' }, after: { plan: 'starter', units_per_hour: 1_000_000, leases: true } },
    ]);
  });

  it('leaves what is not named, and gives units and leases back to the plan when told so', async () => {
    const { id, slug } = organization;
    await plan([slug, 'pro', '--units=9000', '--leases=off']);
    await plan([slug, 'enterprise']);
    expect(await planOf(id)).toEqual({ plan: 'enterprise', units_per_hour: 9_000, leases: false });
    expect((await plan([slug, 'enterprise', '--units', 'none', '--leases', 'auto'])).stdout).toContain(
      'enterprise, 2000 units an hour, leases by the limit',
    );
    expect(await planOf(id)).toEqual({ plan: 'enterprise', units_per_hour: null, leases: null });
  });

  it('leaves no trail when nothing changes', async () => {
    const { id, slug } = organization;
    expect(await plan([slug, 'free'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Nothing was changed.'),
    });
    expect(await trailOf(id)).toEqual([]);
  });

  it('prefers an id to a slug that looks like it', async () => {
    const imposter = await newOrganization(organization.id);
    await plan([organization.id, 'pro']);
    expect(await planOf(organization.id)).toMatchObject({ plan: 'pro' });
    expect(await planOf(imposter.id)).toMatchObject({ plan: 'free' });
  });

  it('makes commands at once take turns, so that each builds on the one before', async () => {
    const { id, slug } = organization;
    await Promise.all([plan([slug, 'pro', '--units', '700']), plan([slug, 'pro', '--leases', 'on'])]);
    expect(await planOf(id)).toEqual({ plan: 'pro', units_per_hour: 700, leases: true });
    const [first, second] = await trailOf(id);
    expect(second?.before).toEqual(first?.after);
    expect(await edgeOf(id)).toMatchObject({ version: 2 });
  });

  it.each([
    [['SLUG', 'gold'], 'There is no plan "gold"; there are free, starter, pro, enterprise'],
    [['no-such-organization', 'pro'], 'Organization "no-such-organization" not found'],
    [['SLUG', 'pro', '--units', '0'], 'Units an hour must be a whole number from 1 to 2147483647'],
    [['SLUG', 'pro', '--units', '2147483648'], 'Units an hour must be a whole number from 1 to 2147483647'],
    [['SLUG', 'pro', '--units', 'many'], '--units is a whole number or none, not "many"'],
    [['SLUG', 'pro', '--leases', 'maybe'], '--leases is on, off or auto, not "maybe"'],
    [['SLUG', 'pro', 'now'], 'Usage: npm run plan -- <organization id or slug> <plan>'],
    [['SLUG'], 'Usage: npm run plan -- <organization id or slug> <plan>'],
    [['SLUG', 'pro', '--unit', '5'], "Unknown option '--unit'"],
  ])('refuses %o in a sentence, and changes nothing', async (args, message) => {
    const { id, slug } = organization;
    const ended = await plan(args.map((arg) => (arg === 'SLUG' ? slug : arg)));
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
    expect(ended.stderr).not.toContain('    at ');
    expect(await planOf(id)).toMatchObject({ plan: 'free' });
    expect(await edgeOf(id)).toBeUndefined();
  });

  it('finds the local stack in its data folder when the environment names no database', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir-plan-'));
    try {
      const missing = await plan([organization.slug, 'pro'], { DATA_DIR: folder });
      expect(missing).toMatchObject({
        code: 1,
        stderr: `DATABASE_URL is not set, and there is no local stack in ${folder}\n`,
      });
      const variables = `DATABASE_URL='${postgres.url}'\nDATABASE_PROXY_URL='${relay.url}'\nJWT_SECRET='x'\n`;
      await writeFile(join(folder, 'worker.env'), variables);
      expect(await plan([organization.slug, 'pro'], { DATA_DIR: folder })).toMatchObject({ code: 0, stderr: '' });
      expect(await planOf(organization.id)).toMatchObject({ plan: 'pro' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
