import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { readGateway } from '../../../../src/gateway/registry/index.ts';
import { edgeOf, get, meet, newCompany, newStaff, post, put, statuses, trailOf } from '../../../identity/company.ts';
import { expectOk, type Person, signUp } from '../../../support/api.ts';
import { database } from '../../../support/database.ts';
import { ownResolver } from '../dns.ts';
import { API, dataOf, newApi } from '../fixture.ts';

const resolver = ownResolver();

beforeEach(() => resolver.show());

const HOSTS = '/api/v1/upstream-hosts';

interface Host {
  host: string;
  status: string;
  proof: { text: string; dns_name: string; file_url: string };
  proven_at: string | null;
  missing_since: string | null;
  checked_at: string | null;
}

const upstreams = (...hosts: string[]) => ({ upstreams: hosts.map((host) => ({ url: `https://${host}/base` })) });

async function hostsOf(person: Person, organizationId: string): Promise<Host[]> {
  const path = `${HOSTS}?organization_id=${organizationId}`;
  return (await expectOk<{ data: Host[] }>(200, get(person, path))).data;
}

const verify = (person: Person, organizationId: string, host: string) =>
  post(person, `${HOSTS}/${host}/verify?organization_id=${organizationId}`, undefined);

const provenIn = async (organizationId: string) => {
  const apis = await readGateway(database().query, organizationId, () => false);
  return apis.flatMap(({ pools }) => pools.flatMap((pool) => pool.upstreams.map(({ proven }) => proven)));
};

async function newOwner(...hosts: string[]) {
  const owner = await signUp();
  const company = await newCompany(owner);
  const api = await newApi(owner, { organization_id: company.id, ...upstreams(...hosts) });
  return { owner, id: company.id, api };
}

describe('the hosts of upstreams', () => {
  it('are listed once each with what they have to show, but not those that the operator names.', async () => {
    const { owner, id, api } = await newOwner('b.example.com', 'a.example.com', 'a.example.com:8443');
    const plain = { upstreams: [...upstreams('c.example.com.').upstreams, { url: 'http://localhost:1/x' }] };
    await newApi(owner, { organization_id: id, slug: 'other', ...plain });
    const hosts = await hostsOf(owner, id);
    expect(hosts.map(({ host, status }) => [host, status])).toEqual([
      ['a.example.com', 'pending'],
      ['b.example.com', 'pending'],
      ['c.example.com', 'pending'],
    ]);
    expect(hosts[0]).toMatchObject({
      proof: {
        text: expect.stringMatching(/^weir-verification=[\w-]{22}$/),
        dns_name: '_weir.a.example.com',
        file_url: 'https://a.example.com/.well-known/weir-verification',
      },
      ...{ proven_at: null, missing_since: null, checked_at: null },
    });
    await expectOk(200, put(owner, `/api/v1/apis/${api.id}`, { ...API, ...upstreams('b.example.com') }));
    expect((await hostsOf(owner, id))[1]?.proof).toEqual(hosts[1]?.proof);
  });

  it('have another text in each organization.', async () => {
    const [one, other] = [await newOwner('a.example.com'), await newOwner('a.example.com')];
    const texts = [...(await hostsOf(one.owner, one.id)), ...(await hostsOf(other.owner, other.id))];
    expect(new Set(texts.map(({ proof }) => proof.text)).size).toBe(2);
  });

  it('of APIs that are gone are forgotten when there are too many.', async () => {
    const { owner, id, api } = await newOwner('a.example.com');
    await database().query.execute(sql`
      insert into upstream_hosts select ${id}, 'h' || n || '.example.com', 't', null, null, null, now()
      from generate_series(1, 1000) n`);
    await expectOk(200, put(owner, `/api/v1/apis/${api.id}`, { ...API, ...upstreams('b.example.com') }));
    expect((await hostsOf(owner, id)).map(({ host }) => host)).toEqual(['b.example.com']);
  });
});

describe('a host that is looked at', () => {
  it('is proven by its text, which is in force when it is answered.', async () => {
    const { owner, id } = await newOwner('a.example.com', 'b.example.com');
    const [host] = await hostsOf(owner, id);
    await resolver.show('something else', host?.proof.text ?? '');
    const answer = await verify(owner, id, 'a.example.com');
    expect(answer).toMatchObject({ status: 200, body: { data: { host: 'a.example.com', status: 'proven' } } });
    expect(dataOf<Host>(answer).proven_at).not.toBeNull();
    expect(await provenIn(id)).toEqual([true, false]);
    const { version, acked } = (await edgeOf(id)) ?? {};
    expect(acked).toBe(version);
    expect(await resolver.asked()).toContain('_weir.a.example.com');
    const trail = (await trailOf(id)).filter(({ action }) => action === 'upstream_host.verify');
    expect(trail).toMatchObject([{ before: { status: 'pending' }, after: { status: 'proven' } }]);
  });

  it('is not proven by the text of another organization, or of another host.', async () => {
    const [one, other] = [await newOwner('a.example.com', 'b.example.com'), await newOwner('a.example.com')];
    const [a, b] = await hostsOf(one.owner, one.id);
    await resolver.show(a?.proof.text ?? '');
    expect(dataOf<Host>(await verify(other.owner, other.id, 'a.example.com')).status).toBe('pending');
    await resolver.show(b?.proof.text ?? '');
    expect(dataOf<Host>(await verify(one.owner, one.id, 'a.example.com'))).toMatchObject({ status: 'pending' });
    expect([...(await provenIn(one.id)), ...(await provenIn(other.id))]).toEqual([false, false, false]);
  });

  it('answers alike whatever it lacks, and stays proven for the time being when it lacks what it had.', async () => {
    const { owner, id } = await newOwner('a.example.com', '10.0.0.1.example.com');
    const missing = { status: 'pending', proven_at: null, checked_at: expect.any(String) };
    expect(dataOf<Host>(await verify(owner, id, 'a.example.com'))).toMatchObject(missing);
    await resolver.fail();
    expect(dataOf<Host>(await verify(owner, id, 'a.example.com'))).toMatchObject(missing);
    const [, host] = await hostsOf(owner, id);
    await resolver.show(host?.proof.text ?? '');
    expect(dataOf<Host>(await verify(owner, id, 'a.example.com')).status).toBe('proven');
    await resolver.show();
    expect(dataOf<Host>(await verify(owner, id, 'a.example.com'))).toMatchObject({
      ...{ status: 'missing', proven_at: expect.any(String), missing_since: expect.any(String) },
    });
    expect((await provenIn(id))[0]).toBe(true);
  });

  it('is one that the organization has upstreams on: others are asked nothing.', async () => {
    const { owner, id } = await newOwner('a.example.com');
    const [stranger, before] = [await signUp(), await resolver.asked()];
    const answers = [
      await verify(owner, id, 'other.example.com'),
      await verify(owner, id, 'A.example.com'),
      await verify(stranger, id, 'a.example.com'),
      await verify(stranger, stranger.personalOrganizationId, 'a.example.com'),
    ];
    expect(statuses(answers)).toEqual([404, 404, 404, 404]);
    expect(await resolver.asked()).toEqual(before);
  });

  it('is proven once by two who ask at the same moment, and not by one who loses their role meanwhile.', async () => {
    const { company, people } = await newStaff();
    await newApi(people.owner, { organization_id: company.id, ...upstreams('a.example.com') });
    const [host] = await hostsOf(people.owner, company.id);
    await resolver.show(host?.proof.text ?? '');
    const ask = (person: Person) => () => verify(person, company.id, 'a.example.com');
    const demote = sql`update members set role = 'viewer' where user_id = ${people.member.id}`;
    expect(statuses(await meet(company.id, [ask(people.member)], demote))).toEqual([403]);
    expect(await provenIn(company.id)).toEqual([false]);
    expect(statuses(await meet(company.id, [ask(people.owner), ask(people.admin)]))).toEqual([200, 200]);
    expect(await provenIn(company.id)).toEqual([true]);
  });
});
