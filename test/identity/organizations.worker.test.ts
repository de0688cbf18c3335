import { describe, expect, it } from 'vitest';
import { call, signUp } from '../support/api.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const newSlug = () => `my-company-${crypto.randomUUID().slice(0, 8)}`;

describe('organizations', () => {
  it('are created, listed and shown as the document shows', async () => {
    const { token } = await signUp();
    const slug = newSlug();
    const body = { name: 'My Company', slug, description: 'Optional description' };
    const made = await call('POST', '/api/v1/organizations', { token, body });
    expect(made.status).toBe(201);
    const organization = {
      ...body,
      id: expect.any(String),
      is_personal: false,
      created_at: expect.stringMatching(TIMESTAMP),
      updated_at: expect.stringMatching(TIMESTAMP),
    };
    expect(made.body).toEqual({ data: organization });
    const { id } = (made.body as { data: { id: string } }).data;
    expect(await call('GET', `/api/v1/organizations/${id}`, { token })).toMatchObject({
      status: 200,
      body: { data: { organization, my_role: 'owner' } },
    });
    expect((await call('GET', '/api/v1/organizations?limit=1&offset=1', { token })).body).toEqual({
      data: [{ organization, my_role: 'owner' }],
      pagination: { total: 2, limit: 1, offset: 1, has_more: false },
    });
  });

  it('have slugs that are unique, also when several ask for one at once', async () => {
    const { token } = await signUp();
    const slug = newSlug();
    const make = () => call('POST', '/api/v1/organizations', { token, body: { name: 'A', slug } });
    const answers = await Promise.all([make(), make(), make()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
      error: 'conflict',
      message: 'Organization slug already exists',
    });
  });

  it.each(['', 'UPPER', 'under_score', 'a b', 'ä', 'x'.repeat(51)])('refuse the slug "%s"', async (slug) => {
    const { token } = await signUp();
    const answer = await call('POST', '/api/v1/organizations', { token, body: { name: 'A', slug } });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'slug' }] } });
  });
});
