import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { DAY, HOUR } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { dayAt } from '../../../src/observability/requests/days.ts';
import { makePartition } from '../../../src/observability/requests/partition-store.ts';
import { storeRecords } from '../../../src/observability/requests/record-store.ts';
import { record } from '../../gateway/records/record.ts';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';
import { newReceiver } from '../../support/lab/client.ts';

interface Listed {
  data: { request_id: string; at: string; [field: string]: unknown }[];
  range: { from: string; to: string };
  lost: number;
  pagination: { limit: number; has_more: boolean; next_cursor: string | null };
}

const PATH = '/api/v1/analytics/requests';
const db = database();

/** The moment that the calls of these tests lie before. */
const NOW = Date.now();
const ago = (ms: number) => new Date(NOW - ms).toISOString();

let person: Person;
let stranger: Person;

const list = ({ token }: Person, query = '') => expectOk<Listed>(200, call('GET', `${PATH}?${query}`, { token }));
const idsOf = ({ data }: Listed) => data.map(({ request_id }) => request_id);

type Fields = Parameters<typeof record>[0];

/** Puts calls of somebody's own organization on record, oldest first. */
async function served({ personalOrganizationId: organizationId }: Person, calls: readonly Fields[], lost = 0) {
  const records = calls.map((fields) => record({ organizationId, at: NOW - HOUR, ...fields }));
  const losses = lost > 0 ? [{ organizationId, records: lost }] : [];
  await storeRecords(db.query, [{ id: newUuid(), at: NOW - HOUR, records, lost: losses }]);
}

beforeAll(async () => {
  for (let days = 0; days < 3; days += 1) await makePartition(db, dayAt(NOW - days * DAY));
  [person, stranger] = await Promise.all([signUp(), signUp()]);
  const CALLS: Fields[] = [
    { requestId: 'plain' },
    { requestId: 'other-api', api: 'users', version: 'v2', endpointId: 'users-list' },
    { requestId: 'missing', status: 404, keyId: 'key_2', cache: null },
    { requestId: 'slow', durationMs: 2_000, method: 'POST', status: 201, cache: 'bypass' },
    { requestId: 'failed', status: 503, error: 'service_unavailable', cost: 0 },
    { requestId: 'refused', status: 429, error: 'RATE_LIMITED', caller: null, keyId: null },
    { requestId: 'cached', cache: 'hit', upstreamId: null, upstreamMs: null, attempts: 0 },
  ];
  await served(
    person,
    CALLS.map((fields, index) => ({ at: NOW - HOUR + index, ...fields })),
    4,
  );
  await served(person, [{ requestId: 'yesterday', at: NOW - DAY - HOUR }]);
  await served(stranger, [{ requestId: 'foreign' }], 1);
});

describe('the list of calls', () => {
  it('tells of each what is kept of it, newest first', async () => {
    const all = await list(person);
    expect(idsOf(all)).toEqual(['cached', 'refused', 'failed', 'slow', 'missing', 'other-api', 'plain']);
    expect(all.data.at(-1)).toEqual({
      ...{ request_id: 'plain', at: ago(HOUR), api: 'orders', version: 'v1', endpoint: 'list', route: '/orders' },
      ...{ method: 'GET', status: 200, error: null, cost: 1, caller: 'key', key_id: 'key_1', test: false },
      ...{ upstream: 'up-1', cache: 'miss', attempts: 1, duration_ms: 40, waiting_ms: 5, upstream_ms: 30 },
      ...{ request_bytes: null, response_bytes: 17, colo: 'FRA', country: 'DE' },
    });
    expect(all).toMatchObject({ lost: 4, pagination: { limit: 20, has_more: false, next_cursor: null } });
  });

  it.each([
    ['api=users', ['other-api']],
    ['version=v2', ['other-api']],
    ['endpoint=users-list', ['other-api']],
    ['key_id=key_2', ['missing']],
    ['status=404', ['missing']],
    ['status=4xx', ['refused', 'missing']],
    ['status=5xx', ['failed']],
    ['method=post', ['slow']],
    ['min_duration_ms=2000', ['slow']],
    ['min_duration_ms=2001', []],
    ['cache=hit', ['cached']],
    ['status=2xx&cache=miss&api=orders', ['plain']],
  ])('is narrowed by %s', async (query, ids) => {
    expect(idsOf(await list(person, query))).toEqual(ids);
  });

  it('is about the last 24 hours, or the time that was asked for', async () => {
    const { range } = await list(person);
    expect(Date.parse(range.to) - Date.parse(range.from)).toBe(DAY);
    expect(idsOf(await list(person, `from=${ago(2 * DAY)}&to=${ago(DAY)}`))).toEqual(['yesterday']);
    expect(idsOf(await list(person, `from=${ago(DAY + HOUR)}&to=${ago(HOUR)}`))).toEqual(['yesterday']);
    const before = await list(person, `to=${ago(DAY)}`);
    expect(before.range).toEqual({ from: ago(2 * DAY), to: ago(DAY) });
    expect(before).toMatchObject({ lost: 0, data: [{ request_id: 'yesterday' }] });
  });

  it('goes on where a page ended, also among calls of the same moment and while others come in', async () => {
    const many = await signUp();
    const calls = Array.from({ length: 25 }, (_, index) => ({ requestId: `r-${index}`, at: NOW - HOUR }));
    await served(many, calls.slice(0, 15));
    await served(many, calls.slice(15));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Listed = await list(many, `limit=10${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...idsOf(page));
      cursor = page.pagination.next_cursor;
      await served(many, [{ requestId: 'late', at: NOW - HOUR + 1 }]);
    } while (cursor);
    expect(seen.toSorted()).toEqual(calls.map(({ requestId }) => requestId).toSorted());
  });

  it.each([
    ['cursor=nonsense', 'cursor', 'must be the next_cursor of a page before'],
    [`from=${ago(0)}&to=${ago(HOUR)}`, 'from', 'must be before to'],
    [`from=${ago(31 * DAY + 1)}&to=${ago(0)}`, 'from', 'must be at most 31 days before to'],
    ['status=6xx', 'status', 'must be a status such as 404, or a class such as 4xx'],
    ['status=40x', 'status', 'must be a status such as 404, or a class such as 4xx'],
  ])('is refused for %s', async (query, path, message) => {
    const answer = await call('GET', `${PATH}?${query}`, { token: person.token });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'validation_failed', details: [{ path, message }] },
    });
  });

  it('shows nobody the calls of another organization', async () => {
    expect(idsOf(await list(stranger))).toEqual(['foreign']);
    const path = `${PATH}?organization_id=${person.personalOrganizationId}`;
    expect(await call('GET', path, { token: stranger.token })).toMatchObject({
      status: 404,
      body: { error: 'not_found', message: 'Organization not found' },
    });
    const { pagination } = await list(person, 'limit=1');
    const theirs = await list(stranger, `cursor=${pagination.next_cursor}`);
    expect(idsOf(theirs)).toEqual(['foreign']);
  });
});

it('lists a call of an API a few seconds after it was served', async () => {
  const upstream = await newReceiver([{ status: 200, body: 'ok' }]);
  const slug = `api-${crypto.randomUUID().slice(0, 8)}`;
  const owner = await signUp();
  const body = { name: slug, slug, visibility: 'keyed', upstreams: [{ url: upstream.url }] };
  await expectOk(201, call('POST', '/api/v1/apis', { token: owner.token, body }));
  const keys = `/api/v1/api-keys?organization_id=${owner.personalOrganizationId}`;
  const fields = {
    name: 'Key',
    environment: 'live',
    key_type: 'standard',
    permissions: ['read'],
    rate_limit_override: 1,
  };
  const made = await expectOk<{ data: { id: string; key: string } }>(
    201,
    call('POST', keys, { token: owner.token, body: fields }),
  );
  const headers = { 'X-API-Key': made.data.key, 'X-Request-Id': 'served' };
  const send = (method: string) =>
    exports.default.fetch(new Request(`https://weir.test/api/v1/${slug}/orders?secret=1`, { method, headers }));
  expect(await (await send('GET')).text()).toBe('ok');
  expect((await send('DELETE')).status).toBe(403);
  expect((await send('GET')).status).toBe(429);
  await exports.default.fetch(new Request(`https://weir.test/g/personal-${owner.id}/${slug}/orders`));
  const { data } = await vi.waitFor(
    async () => {
      const listed = await list(owner);
      expect(listed.data).toHaveLength(4);
      return listed;
    },
    { timeout: 15_000, interval: 250 },
  );
  expect(data.toSorted((a, b) => Number(a['status']) - Number(b['status']))).toMatchObject([
    {
      ...{ request_id: 'served', api: slug, method: 'GET', status: 200, error: null, cost: 1, caller: 'key' },
      ...{ key_id: made.data.id, test: false, attempts: 1, cache: null },
    },
    { api: slug, status: 401, error: 'unauthorized', cost: 0, caller: null, key_id: null, attempts: 0 },
    { api: slug, status: 403, error: 'forbidden', cost: 0, caller: 'key', key_id: made.data.id, attempts: 0 },
    { api: slug, status: 429, error: 'RATE_LIMITED', cost: 0, caller: 'key', key_id: made.data.id, attempts: 0 },
  ]);
});
