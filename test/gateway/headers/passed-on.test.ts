import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/gateway/admit.ts';
import { passedOn } from '../../../src/gateway/headers/passed-on.ts';
import { AppError } from '../../../src/kernel/errors.ts';

const KEY = { hash: 'h', organizationId: 'o', environment: 'live' } as const;

function newDeps({ isAway = false } = {}) {
  const asked: string[] = [];
  const deps = {
    parseKey: (text: string) => (text === 'sk_live_ours' ? KEY : undefined),
    async recognise(authorization: string) {
      asked.push(authorization);
      if (isAway) throw new AppError('service_unavailable', 'The database is away');
      if (!authorization.endsWith('our.own.token')) throw new AppError('unauthorized', 'The token is no good');
      return { kind: 'user', userId: 'u', username: 'ada', sessionId: 's' } as const;
    },
  };
  return { deps, asked };
}

const callerOf = (kind: Caller['kind']): Caller => ({ kind, keyId: null, userId: null, environment: 'live' });

const ALL = ['authorization', 'cookie', 'x-api-key', 'x-signature'];

const passing = (fields: Record<string, string>, kind: Caller['kind'] = 'key', passOn: readonly string[] = ALL) =>
  passedOn(newDeps().deps, passOn, new Headers(fields), callerOf(kind));

describe("of the caller's credentials that an API has passed on", () => {
  it.each<[Record<string, string>, Caller['kind']]>([
    [{ 'x-api-key': 'sk_live_ours' }, 'key'],
    [{ 'x-api-key': 'theirs, sk_live_ours' }, 'key'],
    [{ authorization: 'Bearer sk_live_ours' }, 'key'],
    [{ authorization: 'Bearer sk_live_ours' }, 'anonymous'],
    [{ authorization: 'Basic x, bearer sk_live_ours' }, 'anonymous'],
    [{ cookie: 'key=sk_live_ours' }, 'anonymous'],
    [{ authorization: 'Bearer our.own.token' }, 'user'],
    [{ authorization: 'Bearer our.own.token' }, 'wallet'],
    [{ authorization: 'Bearer our.own.token' }, 'key'],
    [{ authorization: 'bearer  our.own.token' }, 'anonymous'],
    [{ authorization: `Bearer ${'sk_live_theirs '.repeat(9)}` }, 'anonymous'],
  ])('%j of a %s, which is for us, does not go on', async (fields, kind) => {
    expect(await passing(fields, kind)).toEqual([]);
  });

  it.each<[Record<string, string>, Caller['kind'], string]>([
    [{ 'x-api-key': 'theirs' }, 'anonymous', 'x-api-key'],
    [{ authorization: 'Bearer sk_live_theirs' }, 'anonymous', 'authorization'],
    [{ authorization: 'Bearer their.own.token' }, 'key', 'authorization'],
    [{ authorization: 'Bearer their.own.token' }, 'anonymous', 'authorization'],
    [{ authorization: 'Bearer opaque' }, 'key', 'authorization'],
    [{ authorization: 'Basic Zm9v' }, 'key', 'authorization'],
    [{ cookie: 'a=b' }, 'user', 'cookie'],
    [{ 'x-signature': 'abc' }, 'key', 'x-signature'],
  ])('%j of a %s, which is for the upstream, goes on', async (fields, kind, name) => {
    expect(await passing(fields, kind)).toEqual([name]);
  });

  it('only those go on that are named, and nobody is asked about others', async () => {
    const { deps, asked } = newDeps();
    const headers = new Headers({ authorization: 'Bearer their.own.token', cookie: 'a=b' });
    expect(await passedOn(deps, ['cookie'], headers, callerOf('key'))).toEqual(['cookie']);
    expect(await passedOn(deps, [], headers, callerOf('key'))).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('none goes on of which nobody can say whose it is', async () => {
    const { deps } = newDeps({ isAway: true });
    const headers = new Headers({ authorization: 'Bearer our.own.token' });
    const asking = passedOn(deps, ['authorization'], headers, callerOf('key'));
    await expect(asking).rejects.toMatchObject({ code: 'service_unavailable' });
  });
});
