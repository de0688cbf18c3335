import { describe, expect, it } from 'vitest';
import { recordEvent } from '../../../src/quota/index.ts';
import { get, newCompany, newStaff, statuses } from '../../identity/company.ts';
import { expectOk, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';

interface Page {
  data: { id: string; type: string; data: object; occurred_at: string }[];
  pagination: object;
}

const pathOf = (organizationId: string) => `/api/v1/organizations/${organizationId}/events`;

type Event = Parameters<typeof recordEvent>[2];

const tell = (organizationId: string, type: Event['type'], minute: number) =>
  recordEvent(database(), organizationId, {
    ...{ type, dedupeKey: `${type}:${minute}`, data: { upstream: 'https://a.example.com', minute } },
    occurredAt: Date.UTC(2026, 2, 1, 12, minute),
  });

describe('what an organization was told', () => {
  it('is listed with the newest first, by type, and is nobody else’s.', async () => {
    const owner = await signUp();
    const [company, other] = [await newCompany(owner), await newCompany(owner)];
    await tell(company.id, 'upstream.opened', 1);
    await tell(company.id, 'upstream.closed', 3);
    await tell(company.id, 'upstream.opened', 2);
    await tell(other.id, 'upstream.opened', 4);
    const list = (query = '') => expectOk<Page>(200, get(owner, `${pathOf(company.id)}${query}`));
    expect(await list('?limit=2')).toEqual({
      data: [
        {
          ...{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), type: 'upstream.closed' },
          ...{ data: { upstream: 'https://a.example.com', minute: 3 }, occurred_at: '2026-03-01T12:03:00Z' },
        },
        expect.objectContaining({ type: 'upstream.opened', occurred_at: '2026-03-01T12:02:00Z' }),
      ],
      pagination: { total: 3, limit: 2, offset: 0, has_more: true },
    });
    const opened = await list('?type=upstream.opened');
    expect(opened.data.map(({ data }) => data)).toMatchObject([{ minute: 2 }, { minute: 1 }]);
    expect((await list('?type=upstream.nothing')).data).toEqual([]);
  });

  it('is for those who may read the audit trail.', async () => {
    const { company, people } = await newStaff();
    const by = [people.owner, people.admin, people.member, people.viewer];
    const answers = await Promise.all(by.map((person) => get(person, pathOf(company.id))));
    expect(statuses(answers)).toEqual([200, 200, 403, 403]);
  });
});
