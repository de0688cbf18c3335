import { describe, expect, it } from 'vitest';
import { get, post, put, remove } from '../../identity/company.ts';
import { type Answer, expectOk, signUp } from '../../support/api.ts';
import { rowCounts } from '../../support/database.ts';
import { API, detailsOf, newApi, PATH } from './fixture.ts';

describe('a slug', () => {
  it('that none can have is refused with the rule, where an API would be made.', async () => {
    const person = await signUp();
    const message = 'must be 3 to 63 lower-case letters, digits and inner hyphens';
    for (const bad of ['ab', 'slugA', '-orders', 'orders%00']) {
      const answer = await put(person, `${PATH}/${bad}`, { ...API, slug: undefined });
      expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
      expect(detailsOf(answer)).toEqual([{ path: 'slug', message }]);
    }
    expect((await put(person, `${PATH}/${'a'.repeat(64)}`, API)).status).toBe(400);
    expect((await get(person, `${PATH}/ab`)).status).toBe(404);
  });
});

describe('a change that is not what was meant', () => {
  it('is refused for a query parameter that the operation does not have, and nothing is written.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    await expectOk(200, put(person, `${PATH}/${id}`, { ...API, retries: 3 }));
    const before = await rowCounts();
    const refusals: [string, Promise<Answer>][] = [
      ['dry_run', post(person, `${PATH}/${id}/versions?dry_run=true`, { name: 'v1' })],
      ['dry_run', post(person, `${PATH}/import?dry_run=true`, { document: {} })],
      ['dryrun', put(person, `${PATH}/another?dryrun=true`, { ...API, slug: undefined })],
      ['organization_id', post(person, `/api/v1/ws/tickets?organization_id=${id}`, {})],
      ['organization_id', post(person, `/api/v1/channels/c/messages?organization_id=${id}`, { data: 1 })],
      ['force', remove(person, `${PATH}/${id}?force=true`)],
    ];
    for (const [path, answer] of refusals) {
      expect(await answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
      expect(detailsOf(await answer)).toEqual([{ path, message: 'Unknown query parameter' }]);
    }
    expect(await rowCounts()).toEqual(before);
    expect((await get(person, `${PATH}/${id}?dry_run=true`)).status).toBe(200);
  });
});

describe('a host that is not shown to be the organization’s own', () => {
  it('is told with the answer, once, and not where the operator vouches for it.', async () => {
    const person = await signUp();
    const pool = (name: string, ...urls: string[]) => ({ name, upstreams: urls.map((url) => ({ url })) });
    const pools = [
      pool('a', 'http://localhost:1/x', 'https://a.example.com/x'),
      pool('b', 'https://a.example.com/y', 'https://b.example.com:8443/y'),
    ];
    const fields = { name: 'Orders', pools };
    const message = (host: string) =>
      `gets no calls before ${host} has been shown to be yours: GET /api/v1/upstream-hosts tells what it has to show, ` +
      `POST /api/v1/upstream-hosts/${host}/verify has it looked at`;
    const warnings = [
      { path: 'pools.0.upstreams.1.url', message: message('a.example.com') },
      { path: 'pools.1.upstreams.1.url', message: message('b.example.com') },
    ];
    expect((await post(person, PATH, { ...fields, slug: 'orders' })).body).toMatchObject({ warnings });
    expect((await put(person, `${PATH}/orders`, fields)).body).toMatchObject({ result: 'unchanged', warnings });
    expect((await put(person, `${PATH}/more?dry_run=true`, fields)).body).toMatchObject({
      result: 'created',
      warnings,
    });
    const own = await put(person, `${PATH}/more`, { name: 'More', upstreams: [{ url: 'http://localhost:1/x' }] });
    expect(own.body).toMatchObject({ result: 'created', warnings: [] });
  });
});
