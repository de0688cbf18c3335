import { describe, expect, it } from 'vitest';
import { apiDefinition } from '../../../src/gateway/registry/definition.ts';
import { maskSecrets, sealSecrets } from '../../../src/gateway/registry/secrets.ts';
import { randomBytes } from '../../../src/kernel/crypto.ts';
import { AppError } from '../../../src/kernel/errors.ts';

const RING = { current: 'a', keys: new Map([['a', randomBytes(32)]]) };

const pool = (name: string, ...urls: string[]) => ({ name, upstreams: urls.map((url) => ({ url })) });
const POOLS = [pool('x', 'https://x.example.com/base'), pool('y', 'https://y.example.com/base')];
const to = (name: string) => ({ split: [{ pool: name, weight: 1 }] });
const credentials = { inject: [{ in: 'header', name: 'X-Key', secret: 'open sesame' }] };

/** The places whose masks are refused when a definition is changed by somebody who was shown it. */
async function refused(before: object, after: object): Promise<string[]> {
  const whole = (fields: object) => apiDefinition.parse({ slug: 'orders', name: 'Orders', pools: POOLS, ...fields });
  const stored = await sealSecrets(RING, 'api-1', whole(before), undefined);
  const sent = apiDefinition.parse({ ...maskSecrets(stored), ...after });
  return sealSecrets(RING, 'api-1', maskSecrets(sent), stored).then(
    () => [],
    (error: unknown) => {
      if (error instanceof AppError) return error.details?.map(({ path }) => path) ?? [];
      throw error;
    },
  );
}

const endpoint = (fields: object = {}) => ({ id: 'e', path: '/e', ...fields });
const API_SECRET = ['credentials.inject.0.secret'];
const ENDPOINT_SECRET = ['endpoints.0.credentials.inject.0.secret'];
const VERSION_SECRET = ['versions.0.credentials.inject.0.secret'];

describe('the mask of a secret is refused', () => {
  it.each<[string, object, object, string[]]>([
    [
      'when its endpoint is sent to another pool',
      { endpoints: [endpoint({ credentials, ...to('x') })] },
      { endpoints: [endpoint({ credentials, ...to('y') })] },
      ENDPOINT_SECRET,
    ],
    [
      'when its endpoint is sent to one more',
      { endpoints: [endpoint({ credentials, ...to('x') })] },
      { endpoints: [endpoint({ credentials, split: [...to('x').split, { pool: 'y', weight: 0 }] })] },
      ENDPOINT_SECRET,
    ],
    [
      'when the split that its endpoint takes from the version changes',
      { endpoints: [endpoint({ credentials })], versions: [{ name: 'v1' }] },
      { versions: [{ name: 'v1', ...to('y') }] },
      ENDPOINT_SECRET,
    ],
    [
      'when another version comes to its endpoint, with another pool',
      { endpoints: [endpoint({ credentials })], versions: [{ name: 'v1' }] },
      { versions: [{ name: 'v1' }, { name: 'v2', ...to('y') }] },
      ENDPOINT_SECRET,
    ],
    [
      'when an endpoint of its version is sent elsewhere',
      { endpoints: [endpoint()], versions: [{ name: 'v1', credentials }] },
      { endpoints: [endpoint(to('y'))] },
      VERSION_SECRET,
    ],
    [
      'when an endpoint comes in that takes the API’s elsewhere',
      { credentials, endpoints: [endpoint()] },
      { endpoints: [endpoint(), { id: 'f', path: '/f', ...to('y') }] },
      API_SECRET,
    ],
    ['when the first pool is another', { credentials }, { pools: POOLS.toReversed() }, API_SECRET],
    [
      'when its pool gets an upstream at another path of the origin',
      { credentials },
      { pools: [pool('x', 'https://x.example.com/other'), POOLS[1]] },
      API_SECRET,
    ],
    [
      'when its pool gets one more upstream',
      { credentials },
      { pools: [pool('x', 'https://x.example.com/base', 'https://y.example.com/base'), POOLS[1]] },
      API_SECRET,
    ],
  ])('%s', async (_, before, after, paths) => {
    expect(await refused(before, after)).toEqual(paths);
  });
});

describe('the mask of a secret is kept', () => {
  it.each<[string, object, object]>([
    [
      'when a pool changes that is not sent it',
      { credentials },
      { pools: [POOLS[0], pool('y', 'https://z.example.com')] },
    ],
    [
      'when an endpoint with credentials of its own is sent elsewhere',
      { credentials, endpoints: [endpoint({ credentials: { inject: [] } })] },
      { endpoints: [endpoint({ credentials: { inject: [] }, ...to('y') })] },
    ],
    [
      'when fewer upstreams are sent it',
      { credentials, split: [...to('x').split, ...to('y').split] },
      { split: to('x').split },
    ],
    [
      'when its pool is called otherwise, and its addresses are written otherwise',
      { credentials },
      { pools: [pool('z', 'https://X.example.com/base/')] },
    ],
    [
      'when another endpoint takes it to the same pool',
      { credentials, endpoints: [endpoint()] },
      { endpoints: [endpoint(), { id: 'f', path: '/f' }] },
    ],
  ])('%s', async (_, before, after) => {
    expect(await refused(before, after)).toEqual([]);
  });
});
