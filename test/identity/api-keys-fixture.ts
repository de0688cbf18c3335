import { env } from 'cloudflare:workers';
import type { Role } from '../../src/access/permissions.ts';
import { configOf } from '../../src/env.ts';
import { mintKey } from '../../src/identity/api-keys/key.ts';
import { apiKeys } from '../../src/identity/api-keys/table.ts';
import { bumpEdge } from '../../src/identity/edge/store.ts';
import { newId } from '../../src/kernel/id.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';

export interface NewKey {
  id: string;
  key: string;
}

interface WithData<T> {
  data: T;
}

/** A key by the API; without an organization, of the person's personal one. */
export async function newKey(person: Person, fields: object = {}, organizationId?: string): Promise<NewKey> {
  const path = `/api/v1/api-keys${organizationId === undefined ? '' : `?organization_id=${organizationId}`}`;
  const body = { name: 'Key', environment: 'live', key_type: 'standard', permissions: ['read', 'write'], ...fields };
  const { data } = await expectOk<WithData<NewKey>>(201, call('POST', path, { token: person.token, body }));
  return data;
}

/** Many keys of the person's personal organization, written without the API and not published. */
export async function manyKeys(person: Person, count: number, fields: Partial<typeof apiKeys.$inferInsert> = {}) {
  const organizationId = person.personalOrganizationId;
  const minted = await Promise.all(
    Array.from({ length: count }, async () => ({
      id: newId('key'),
      ...(await mintKey(configOf(env).apiKeySecrets, 'live', organizationId)),
    })),
  );
  const rows = minted.map(({ id, prefix, hash }) => ({
    ...{ id, prefix, hash, organizationId, name: 'Key', createdBy: person.id, createdAt: new Date() },
    ...{ environment: 'live' as const, keyType: 'standard' as const, permissions: ['read', 'write'] },
    ...fields,
  }));
  await database().transaction(async (tx) => {
    await tx.insert(apiKeys).values(rows);
    await bumpEdge(tx, organizationId);
  });
  return minted.map(({ id, text }): NewKey => ({ id, key: text }));
}

export async function newOrganization(owner: Person): Promise<string> {
  const body = { name: 'Company', slug: `c-${crypto.randomUUID().slice(0, 8)}` };
  const path = '/api/v1/organizations';
  const made = await expectOk<WithData<{ id: string }>>(201, call('POST', path, { token: owner.token, body }));
  return made.data.id;
}

/** Someone in a role, by default someone new. */
export async function newMember(
  owner: Person,
  organizationId: string,
  role: Exclude<Role, 'owner'>,
  person?: Person,
): Promise<Person> {
  const member = person ?? (await signUp());
  const body = { user_id: member.id, role };
  const path = `/api/v1/organizations/${organizationId}/members`;
  await expectOk(201, call('POST', path, { token: owner.token, body }));
  return member;
}
