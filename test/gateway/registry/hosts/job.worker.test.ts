import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import type { Finding } from '../../../../src/gateway/registry/hosts/proof.ts';
import { checkHosts, readGateway } from '../../../../src/gateway/registry/index.ts';
import { createLogger } from '../../../../src/telemetry/log.ts';
import { edgeOf, newCompany, trailOf } from '../../../identity/company.ts';
import { signUp } from '../../../support/api.ts';
import { database } from '../../../support/database.ts';
import { newApi } from '../fixture.ts';

/** An organization whose upstream is on a host that was proven, and a job whose clock and findings are the test's. */
async function newProven() {
  const owner = await signUp();
  const { id } = await newCompany(owner);
  const host = `h-${id}.example.com`;
  await newApi(owner, { organization_id: id, upstreams: [{ url: `https://${host}/` }] });
  const start = new Date('2030-01-01T00:00:00Z');
  await database().query.execute(
    sql`update upstream_hosts set proven_at = ${start}, checked_at = ${start} where host = ${host}`,
  );
  const looks: string[] = [];
  const runAt = (day: number, finding: Finding) =>
    checkHosts({
      db: database(),
      log: createLogger(),
      clock: () => new Date(start.getTime() + day * 86_400_000),
      async prove(claim) {
        looks.push(claim.host);
        return claim.host === host ? finding : 'unknown';
      },
    });
  const isProven = async () => {
    const [api] = await readGateway(database().query, id, () => false);
    return api?.pools[0]?.upstreams[0]?.proven;
  };
  const looked = () => looks.filter((one) => one === host).length;
  return { id, runAt, isProven, looked };
}

async function eventsOf(organizationId: string): Promise<string[]> {
  const result = await database().query.execute(
    sql`select type from organization_events where organization_id = ${organizationId} order by occurred_at`,
  );
  return (result as unknown as { rows: { type: string }[] }).rows.map(({ type }) => type);
}

it('A proof is looked at again after a week, and stays where it is shown or nobody can say.', async () => {
  const { id, runAt, isProven, looked } = await newProven();
  await runAt(6, 'missing');
  expect(looked()).toBe(0);
  await runAt(8, 'shown');
  await runAt(9, 'missing');
  expect(looked()).toBe(1);
  await runAt(16, 'unknown');
  expect([looked(), await isProven(), await eventsOf(id)]).toEqual([2, true, []]);
});

it('A proof that is missing is told once, looked for daily, and lost after two weeks.', async () => {
  const { id, runAt, isProven, looked } = await newProven();
  for (let day = 8; day < 22; day += 1) await runAt(day, 'missing');
  expect([looked(), await isProven(), await eventsOf(id)]).toEqual([14, true, ['upstream_host.missing']]);
  const before = (await edgeOf(id))?.version ?? 0;
  await runAt(22, 'missing');
  expect([await isProven(), await eventsOf(id)]).toEqual([false, ['upstream_host.missing', 'upstream_host.lost']]);
  expect((await edgeOf(id))?.version).toBe(before + 1);
  expect((await trailOf(id)).at(-1)).toMatchObject({ action: 'upstream_host.lose', actor: 'system:hosts' });
  await runAt(40, 'shown');
  expect([looked(), await isProven()]).toEqual([15, false]);
});

it('A proof that comes back is as good as it was.', async () => {
  const { id, runAt, isProven } = await newProven();
  await runAt(8, 'missing');
  await runAt(9, 'shown');
  for (const day of [17, 30]) await runAt(day, 'missing');
  expect([await isProven(), await eventsOf(id)]).toEqual([true, ['upstream_host.missing', 'upstream_host.missing']]);
});

it('Two runs at once look at a host once.', async () => {
  const { runAt, looked } = await newProven();
  await Promise.all([runAt(8, 'shown'), runAt(8, 'shown')]);
  expect(looked()).toBe(1);
});
