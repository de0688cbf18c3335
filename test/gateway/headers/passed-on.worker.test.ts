import { exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { call, expectOk, signUp } from '../../support/api.ts';
import { newReceiver } from '../../support/lab/client.ts';

describe('a public API that has credentials passed on', () => {
  it('gets those of its callers that are for it, and none that are for us', async () => {
    const { token, personalOrganizationId, id } = await signUp();
    const upstream = await newReceiver([]);
    const slug = `api-${crypto.randomUUID().slice(0, 8)}`;
    const credentials = { pass_on: ['Authorization', 'X-API-Key'] };
    const body = { name: slug, slug, visibility: 'public', upstreams: [{ url: upstream.url }], credentials };
    await expectOk(201, call('POST', '/api/v1/apis', { token, body }));
    const fields = { name: 'Key', environment: 'live', key_type: 'standard', permissions: ['read'] };
    const path = `/api/v1/api-keys?organization_id=${personalOrganizationId}`;
    const made = await expectOk<{ data: { key: string } }>(201, call('POST', path, { token, body: fields }));
    const { key } = made.data;
    const stranger = await signUp();
    const theirs = 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl';
    const sent: Record<string, string>[] = [
      { Authorization: `Bearer ${token}` },
      { Authorization: `Bearer ${stranger.token}` },
      { Authorization: `Bearer ${token}`, 'X-API-Key': key },
      { Authorization: `Bearer ${key}` },
      { Authorization: theirs, 'X-API-Key': key },
      { Authorization: theirs },
      { Authorization: 'Basic Zm9v', 'X-API-Key': 'theirs' },
    ];
    for (const headers of sent) {
      const request = new Request(`https://weir.test/g/personal-${id}/${slug}/x`, { headers });
      expect((await exports.default.fetch(request)).status).toBe(200);
    }
    const arrived = (await upstream.received()).map(({ headers }) => [headers['authorization'], headers['x-api-key']]);
    expect(arrived).toEqual([
      ...[[], [], [], []].map(() => [undefined, undefined]),
      [theirs, undefined],
      [theirs, undefined],
      ['Basic Zm9v', 'theirs'],
    ]);
  });
});
