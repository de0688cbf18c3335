import { exports } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { newKey } from '../../../identity/api-keys-fixture.ts';
import { get, meet, newCompany, newStaff, post, put, remove, statuses, trailOf } from '../../../identity/company.ts';
import { type Answer, expectOk, type Person, signUp } from '../../../support/api.ts';
import { database } from '../../../support/database.ts';
import { newReceiver } from '../../../support/lab/client.ts';
import { ownResolver } from '../dns.ts';
import { dataOf, detailsOf, newApi } from '../fixture.ts';

const resolver = ownResolver();

beforeEach(() => resolver.show());

const DOMAINS = '/api/v1/domains';

interface Domain {
  id: string;
  organization_id: string;
  host: string;
  status: string;
  api: string | null;
  branding: Record<string, string | null>;
  proof: { text: string; dns_name: string; file_url: string };
  verified_at: string | null;
}

const newHost = () => `api-${crypto.randomUUID().slice(0, 8)}.acme.example`;

async function claim(person: Person, fields: object = {}): Promise<Domain> {
  const { data } = await expectOk<{ data: Domain }>(201, post(person, DOMAINS, { host: newHost(), ...fields }));
  return data;
}

const verify = (person: Person, { id }: Domain) => post(person, `${DOMAINS}/${id}/verify`, undefined);

const show = (...domains: Domain[]) => resolver.show(...domains.map(({ proof }) => proof.text));

/** A domain that its owner has shown to be theirs. */
async function verified(person: Person, fields: object = {}): Promise<Domain> {
  const domain = await claim(person, fields);
  await show(domain);
  const { data } = await expectOk<{ data: Domain }>(200, verify(person, domain));
  expect(data.status).toBe('verified');
  return data;
}

const statusOf = async (person: Person, { id }: Domain) => dataOf<Domain>(await get(person, `${DOMAINS}/${id}`)).status;

/** Has requests of several organizations meet: none goes on before each of them waits for its own. */
async function meetAll(organizationIds: readonly string[], requests: readonly (() => Promise<Answer>)[]) {
  const [first = '', ...others] = organizationIds;
  const { started } = await database().transaction(async (tx) => {
    for (const id of others) await tx.execute(sql`select 1 from organizations where id = ${id} for update`);
    await tx.execute(sql`select 1 from organizations where id = ${first} for update`);
    const all = requests.map((request) => request());
    const waiting = sql`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    await vi.waitUntil(
      async () => {
        const { rows } = (await database().query.execute(waiting)) as unknown as { rows: { n: number }[] };
        return rows[0]?.n === requests.length;
      },
      { timeout: 10_000, interval: 20 },
    );
    return { started: all };
  });
  return Promise.all(started);
}

describe('a domain', () => {
  it('is claimed, shown, listed, changed and deleted, each with an entry in the trail.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    await newApi(owner, { organization_id: id });
    const branding = { display_name: 'Acme', logo_url: 'https://acme.example/logo.svg', primary_color: '#1A73e8' };
    const made = await claim(owner, { organization_id: id, host: 'API.München.example.', api: 'orders', branding });
    expect(made).toMatchObject({
      ...{ organization_id: id, host: 'api.xn--mnchen-3ya.example', status: 'pending', api: 'orders' },
      branding: { ...branding, favicon_url: null, support_email: null, support_url: null },
      proof: {
        text: expect.stringMatching(/^weir-verification=[\w-]{22}$/),
        dns_name: '_weir.api.xn--mnchen-3ya.example',
        file_url: 'https://api.xn--mnchen-3ya.example/.well-known/weir-verification',
      },
      ...{ verified_at: null, checked_at: null },
    });
    const path = `${DOMAINS}/${made.id}`;
    expect((await get(owner, path)).body).toEqual({ data: made });
    expect((await get(owner, `${DOMAINS}?organization_id=${id}`)).body).toMatchObject({
      data: [made],
      pagination: { total: 1 },
    });
    const change = { api: null, branding: { logo_url: null, support_email: 'help@acme.example' } };
    const changed = dataOf<Domain>(await put(owner, path, change));
    expect(changed).toMatchObject({
      ...{ api: null, status: 'pending' },
      branding: { display_name: 'Acme', logo_url: null, primary_color: '#1A73e8', support_email: 'help@acme.example' },
    });
    expect((await remove(owner, path)).status).toBe(204);
    expect(statuses([await get(owner, path), await remove(owner, path), await verify(owner, made)])).toEqual([
      404, 404, 404,
    ]);
    const trail = (await trailOf(id)).filter(({ action }) => action.startsWith('domain.'));
    expect(trail.map(({ action, target }) => [action, target.id])).toEqual([
      ['domain.create', made.id],
      ['domain.update', made.id],
      ['domain.delete', made.id],
    ]);
  });

  it.each([
    ['localhost', 'host'],
    ['weir.test', 'host'],
    ['acme.weir.test', 'host'],
    ['127.0.0.1', 'host'],
    ['printer.local', 'host'],
    ['cloudflare', 'host'],
    ['*.acme.example', 'host'],
    ['acme.example:8443', 'host'],
    ['acme.example/path', 'host'],
  ])('is not %s.', async (host, path) => {
    expect(detailsOf(await post(await signUp(), DOMAINS, { host }))?.map((fault) => fault.path)).toEqual([path]);
  });

  it('belongs to an API of the same organization, which may be renamed, and to none once that is gone.', async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    await newApi(stranger);
    expect(detailsOf(await post(owner, DOMAINS, { host: newHost(), api: 'orders' }))).toMatchObject([{ path: 'api' }]);
    const api = await newApi(owner);
    const domain = await claim(owner, { api: 'orders' });
    await expectOk(200, put(owner, `/api/v1/apis/${api.id}`, { ...api.definition, slug: 'renamed' }));
    const shown = async () => dataOf<Domain>(await get(owner, `${DOMAINS}/${domain.id}`)).api;
    expect(await shown()).toBe('renamed');
    await expectOk(204, remove(owner, `/api/v1/apis/${api.id}`));
    expect(await shown()).toBeNull();
  });

  it('is claimed once by an organization, which has at most fifty.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const host = newHost();
    const ask = (name: string) => () => post(owner, DOMAINS, { host: name, organization_id: id });
    const answers = await meet(id, [ask(host), ask(host)]);
    expect(statuses(answers).sort()).toEqual([201, 409]);
    await database().query.execute(sql`
      insert into domains select id || n, organization_id, n || host, token, status, null, branding, null, null,
        created_at, updated_at from domains, generate_series(1, 48) n where organization_id = ${id}`);
    expect(statuses(await meet(id, [ask(newHost()), ask(newHost())])).sort()).toEqual([201, 400]);
  });
});

describe('a domain that is looked at', () => {
  it('fails without its text, and is verified with it.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const domain = await claim(owner, { organization_id: id });
    expect(dataOf<Domain>(await verify(owner, domain))).toMatchObject({ status: 'failed', verified_at: null });
    await show(domain);
    const done = dataOf<Domain>(await verify(owner, domain));
    expect(done).toMatchObject({ status: 'verified', verified_at: expect.any(String) });
    await resolver.show();
    expect(dataOf<Domain>(await verify(owner, domain))).toMatchObject({ ...done, checked_at: expect.any(String) });
    const trail = (await trailOf(id)).filter(({ action }) => action === 'domain.verify');
    expect(trail.map(({ after }) => (after as Domain).status)).toEqual(['failed', 'verified', 'verified']);
  });

  it('stays as it is while the resolver does not answer.', async () => {
    const owner = await signUp();
    const domain = await claim(owner);
    await resolver.fail();
    expect(dataOf<Domain>(await verify(owner, domain))).toMatchObject({ status: 'pending', verified_at: null });
  });

  it('is the first’s of two organizations that show it, at the same moment too.', async () => {
    const [one, other] = [await signUp(), await signUp()];
    const host = newHost();
    const [first, second] = [await claim(one, { host }), await claim(other, { host })];
    await show(first, second);
    const answers = await meetAll(
      [first.organization_id, second.organization_id],
      [() => verify(one, first), () => verify(other, second)],
    );
    expect(statuses(answers).sort()).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)).toMatchObject({
      body: { error: 'conflict', message: 'Another organization has shown this host to be its own' },
    });
    const [winner, loser] = answers[0]?.status === 200 ? [one, other] : [other, one];
    const [won, lost] = winner === one ? [first, second] : [second, first];
    expect([await statusOf(winner, won), await statusOf(loser, lost)]).toEqual(['verified', 'pending']);
    expect((await verify(loser, lost)).status).toBe(409);
  });

  it('goes to another that shows it once the first does not any more.', async () => {
    const [one, other] = [await signUp(), await signUp()];
    const first = await verified(one);
    const second = await claim(other, { host: first.host });
    await resolver.fail();
    expect(dataOf<Domain>(await verify(other, second)).status).toBe('pending');
    await show(second);
    expect(dataOf<Domain>(await verify(other, second)).status).toBe('verified');
    expect(await statusOf(one, first)).toBe('failed');
    const lost = (await trailOf(first.organization_id)).find(({ action }) => action === 'domain.lose');
    expect(lost).toMatchObject({ actor: 'system:domains', target: { id: first.id } });
    expect(JSON.stringify(lost)).not.toContain(second.organization_id);
    expect((await verify(one, first)).status).toBe(200);
    expect(await statusOf(one, first)).toBe('failed');
  });

  it('is not verified for somebody who loses their role meanwhile.', async () => {
    const { company, people } = await newStaff();
    const domain = await claim(people.owner, { organization_id: company.id });
    await show(domain);
    const demote = sql`update members set role = 'viewer' where user_id = ${people.member.id}`;
    expect(statuses(await meet(company.id, [() => verify(people.member, domain)], demote))).toEqual([403]);
    expect(await statusOf(people.owner, domain)).toBe('pending');
  });
});

describe('a verified domain', () => {
  const send = (url: string, init: RequestInit = {}) => exports.default.fetch(new Request(url, init));

  /** A public API whose upstream says its name. */
  async function newPublicApi(owner: Person, slug: string, fields: object = {}) {
    const upstream = await newReceiver([{ body: slug }]);
    await newApi(owner, { slug, name: slug, visibility: 'public', upstreams: [{ url: upstream.url }], ...fields });
    return upstream;
  }

  const ask = async (url: string, init: RequestInit = {}) => {
    const response = await send(url, init);
    return [response.status, response.status === 200 ? await response.text() : ''];
  };

  const addresses = async (owner: Person) => {
    const { data } = await expectOk<{ data: { slug: string; base_urls: string[] }[] }>(
      200,
      get(owner, '/api/v1/services'),
    );
    return Object.fromEntries(data.map(({ slug, base_urls }) => [slug, base_urls]));
  };

  it('serves all APIs, each below its slug.', async () => {
    const owner = await signUp();
    const orders = await newPublicApi(owner, 'orders');
    await newPublicApi(owner, 'users');
    await newPublicApi(owner, 'hidden', { visibility: 'private' });
    const { host } = await verified(owner);
    expect(await ask(`https://${host}/orders/1?x=2`)).toEqual([200, 'orders']);
    expect(await ask(`https://${host.toUpperCase()}./users`)).toEqual([200, 'users']);
    expect(await ask(`https://${host}/hidden/1`)).toEqual([404, '']);
    expect(await addresses(owner)).toMatchObject({
      orders: [
        `https://${host}/orders`,
        expect.stringMatching(/\/g\/[^/]+\/orders$/),
        expect.stringMatching(/v1\/orders$/),
      ],
      hidden: [expect.stringMatching(/v1\/hidden$/)],
    });
    expect(await ask(`https://${host}/nothing`)).toEqual([404, '']);
    expect(await ask(`https://${host}/api/v1/orders`)).toEqual([404, '']);
    expect((await orders.received()).map(({ path }) => path.replace(/^.*\/hooks\/[^/]+/, ''))).toEqual(['/1?x=2']);
  });

  it('that is bound to an API serves it with every path.', async () => {
    const owner = await signUp();
    const upstream = await newPublicApi(owner, 'orders');
    await newPublicApi(owner, 'users');
    const { id, host } = await verified(owner, { api: 'orders' });
    for (const path of ['/', '/users/1', '/orders'])
      expect(await ask(`https://${host}${path}`)).toEqual([200, 'orders']);
    const paths = (await upstream.received()).map(({ path }) => path.replace(/^.*\/hooks\/[^/]+/, ''));
    expect(paths).toEqual(['/', '/users/1', '/orders']);
    expect((await addresses(owner))['orders']?.[0]).toBe(`https://${host}`);
    expect((await addresses(owner))['users']?.join()).not.toContain(host);
    await expectOk(200, put(owner, `${DOMAINS}/${id}`, { api: null }));
    // An isolate hears of it with the first call that it has admitted.
    expect(await ask(`https://${host}/users/1`)).toEqual([200, 'users']);
  });

  it('has paths of the organization’s own, each with an upstream of its own.', async () => {
    const owner = await signUp();
    const [stripe, users] = [await newReceiver([{ body: 'stripe' }]), await newReceiver([{ body: 'users' }])];
    const pool = (name: string, { url }: { url: string }) => ({ name, upstreams: [{ url }] });
    const mapped = (methods: string[], path: string, name: string, to: string) => ({
      ...{ methods, path, split: [{ pool: name, weight: 1 }], request: { path: to } },
    });
    await newApi(owner, {
      ...{ slug: 'paths', upstreams: undefined, visibility: 'public' },
      pools: [pool('stripe', stripe), pool('users', users)],
      endpoints: [
        mapped(['POST'], '/hooks/stripe', 'stripe', '/in'),
        mapped(['GET'], '/people/{id}', 'users', '/v2/users/{{params.id}}'),
      ],
    });
    const { host } = await verified(owner, { api: 'paths' });
    expect(await ask(`https://${host}/hooks/stripe`, { method: 'POST', body: '{}' })).toEqual([200, 'stripe']);
    expect(await ask(`https://${host}/people/7`)).toEqual([200, 'users']);
    expect(await ask(`https://${host}/hooks/stripe`)).toEqual([405, '']);
    expect(await ask(`https://${host}/other`)).toEqual([404, '']);
    const paths = [...(await stripe.received()), ...(await users.received())].map(({ path }) => path);
    expect(paths.map((path) => path.replace(/^.*\/hooks\/[^/]+/, ''))).toEqual(['/in', '/v2/users/7']);
  });

  it('holds keys to the paths under which they reach the API with a key.', async () => {
    const owner = await signUp();
    await newPublicApi(owner, 'orders', { visibility: 'keyed' });
    const { host } = await verified(owner, { api: 'orders' });
    const { key } = await newKey(owner, { permissions: ['read'], endpoints: ['/api/v1/orders/open/**'] });
    const headers = { 'X-API-Key': key };
    expect(await ask(`https://${host}/open/1`, { headers })).toEqual([200, 'orders']);
    expect(await ask(`https://${host}/closed/1`, { headers })).toEqual([403, '']);
    expect(await ask(`https://${host}/open/1`)).toEqual([401, '']);
  });

  it('leads nowhere before it is verified, and once it is deleted.', async () => {
    const owner = await signUp();
    await newPublicApi(owner, 'orders');
    const pending = await claim(owner);
    expect(await ask(`https://${pending.host}/orders`)).toEqual([404, '']);
    const { id, host } = await verified(owner);
    expect(await ask(`https://${host}/orders`)).toEqual([200, 'orders']);
    expect((await remove(owner, `${DOMAINS}/${id}`)).status).toBe(204);
    expect(await ask(`https://${host}/orders`)).toEqual([404, '']);
  });

  it('that has gone to another organization serves that one’s APIs.', async () => {
    const [one, other] = [await signUp(), await signUp()];
    await newPublicApi(one, 'old');
    await newPublicApi(other, 'new');
    const { host } = await verified(one);
    expect(await ask(`https://${host}/old`)).toEqual([200, 'old']);
    await verified(other, { host });
    expect(await ask(`https://${host}/old`)).toEqual([404, '']);
    expect(await ask(`https://${host}/new`)).toEqual([200, 'new']);
  });
});
