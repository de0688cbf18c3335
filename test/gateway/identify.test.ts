import { describe, expect, it } from 'vitest';
import type { UserPrincipal } from '../../src/access/principal.ts';
import {
  type Credential,
  organizationBehind,
  readCredential,
  readCredentialIfAny,
} from '../../src/gateway/identify.ts';
import { AppError } from '../../src/kernel/errors.ts';

const KEY = { hash: 'h1', organizationId: 'o1', environment: 'live' } as const;
const USER: UserPrincipal = { kind: 'user', userId: 'u1', username: 'ada', sessionId: 's1' };
const PERSON: Credential = { kind: 'person', principal: USER };
const NONE: Credential = { kind: 'none' };

const BAD_KEY = { code: 'unauthorized', message: 'The API key is unknown, revoked or expired' };
const BAD_TOKEN = { code: 'unauthorized', message: 'The token is no good' };

function newDeps({ isAway = false, own = 'o2' as string | null } = {}) {
  const recognised: string[] = [];
  const deps = {
    parseKey: (text: string) => (text === 'sk_good' ? KEY : undefined),
    async recognise(authorization: string) {
      recognised.push(authorization);
      if (isAway) throw new AppError('service_unavailable', 'The database is away');
      if (!authorization.includes('go.o.d')) throw new AppError('unauthorized', BAD_TOKEN.message);
      return USER;
    },
    ownOrganization: async () => own ?? undefined,
    permissionsIn: async () => undefined,
  };
  return { deps, recognised };
}

const read = (fields: Record<string, string>) => readCredential(newDeps().deps, new Headers(fields));

const readIfAny = (fields: Record<string, string>) => readCredentialIfAny(newDeps().deps, new Headers(fields));

describe('the credential of a request to the data plane', () => {
  it.each([
    [{ 'x-api-key': 'sk_good' }],
    [{ authorization: 'Bearer sk_good' }],
    [{ authorization: 'bearer   sk_good' }],
    [{ 'x-api-key': 'sk_good', authorization: 'Bearer go.o.d' }],
    [{ 'x-api-key': 'sk_good', authorization: 'Bearer sk_bad' }],
  ])('is a key in %j.', async (fields) => {
    expect(await read(fields)).toEqual({ kind: 'key', key: KEY });
  });

  it('is a token of ours, which is asked about as it came.', async () => {
    const { deps, recognised } = newDeps();
    expect(await readCredential(deps, new Headers({ authorization: 'Bearer go.o.d' }))).toEqual(PERSON);
    expect(recognised).toEqual(['Bearer go.o.d']);
  });

  it.each([
    [{}],
    [{ authorization: 'Basic c2tfZ29vZA==' }],
    [{ authorization: 'Bearer opaque-token' }],
    [{ authorization: 'Bearer a.b.c.d.e' }],
    [{ authorization: 'Bearer go.o.d and-more' }],
    [{ authorization: 'sk_good' }],
    [{ authorization: 'Digest username="sk_good"' }],
  ])('is none in %j, which may be meant for the upstream.', async (fields) => {
    expect(await read(fields)).toEqual(NONE);
  });

  it.each([
    [{ 'x-api-key': 'sk_bad' }, BAD_KEY],
    [{ 'x-api-key': '' }, BAD_KEY],
    [{ 'x-api-key': 'sk_bad', authorization: 'Bearer sk_good' }, BAD_KEY],
    [{ authorization: 'Bearer sk_bad' }, BAD_KEY],
    [{ authorization: 'Bearer b.a.d' }, BAD_TOKEN],
  ])('is no good in %j, and nobody where anybody may call.', async (fields, error) => {
    await expect(read(fields)).rejects.toMatchObject(error);
    expect(await readIfAny(fields)).toEqual({ kind: 'none', invalid: expect.objectContaining(error) });
  });

  it('is not taken for none because it could not be asked about.', async () => {
    const { deps } = newDeps({ isAway: true });
    const asking = readCredentialIfAny(deps, new Headers({ authorization: 'Bearer go.o.d' }));
    await expect(asking).rejects.toMatchObject({ code: 'service_unavailable' });
  });
});

describe('whose services a credential reaches', () => {
  it("are the key's organization's, or the person's own.", async () => {
    const { deps } = newDeps();
    expect(await organizationBehind(deps, { kind: 'key', key: KEY })).toBe('o1');
    expect(await organizationBehind(deps, PERSON)).toBe('o2');
  });

  it("are nobody's without a credential, or for somebody without an organization.", async () => {
    const missing = { code: 'unauthorized', message: 'Authentication is required' };
    await expect(organizationBehind(newDeps().deps, NONE)).rejects.toMatchObject(missing);
    const { deps } = newDeps({ own: null });
    const unknown = { code: 'not_found', message: 'Service not found' };
    await expect(organizationBehind(deps, PERSON)).rejects.toMatchObject(unknown);
  });
});
