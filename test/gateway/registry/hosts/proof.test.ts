import { describe, expect, it } from 'vitest';
import { createProver } from '../../../../src/gateway/registry/hosts/proof.ts';
import { createGuardedFetch } from '../../../../src/outbound/guarded-fetch.ts';
import { createResolver } from '../../../../src/outbound/resolver.ts';
import { createTextLookUp } from '../../../../src/outbound/text-records.ts';
import { policy } from '../../../outbound/policy.ts';

const CLAIM = { host: 'api.acme.com', token: 'abc' };
const TEXT = 'weir-verification=abc';

interface World {
  /** What is at the well-known address. */
  file?: (request: Request) => Response | Promise<Response>;
  texts?: readonly string[];
  address?: string;
  /** Whether the resolver answers. */
  dns?: boolean;
}

/** The real guard and resolver over a network that is a resolver and one host. */
function world({ file = () => new Response('', { status: 404 }), texts = [], address, dns = true }: World = {}) {
  const requests: Request[] = [];
  const network: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const { hostname, searchParams } = new URL(request.url);
    if (hostname !== 'doh.test') {
      requests.push(request);
      return file(request);
    }
    if (!dns) throw new TypeError('no route');
    const type = Number(searchParams.get('type'));
    const isText = type === 16 && searchParams.get('name') === '_weir.api.acme.com';
    const data = isText ? texts.map((text) => JSON.stringify(text)) : type === 1 ? [address ?? '93.184.216.34'] : [];
    return Response.json({ Status: 0, Answer: data.map((one) => ({ name: 'x', type, TTL: 0, data: one })) });
  };
  const rules = policy();
  const resolve = createResolver({ fetch: network, clock: () => new Date(), dohUrl: rules.dohUrl });
  const prove = createProver({
    guardedFetch: createGuardedFetch({ fetch: network, policy: rules, resolve }),
    lookUpText: createTextLookUp({ fetch: network, dohUrl: rules.dohUrl }),
  });
  return { prove, requests };
}

const find = (options: World, claim = CLAIM) => world(options).prove(claim);

describe('a host shows whose it is', () => {
  it('in a TXT record.', async () => {
    expect(await find({ texts: ['v=spf1 -all', TEXT] })).toBe('shown');
  });

  it('in a line of a file, among those of others.', async () => {
    const file = () => new Response(`weir-verification=other\r\n${TEXT}\r\n`);
    const { prove, requests } = world({ file });
    expect(await prove(CLAIM)).toBe('shown');
    expect(requests.map(({ url, redirect }) => [url, redirect])).toEqual([
      ['https://api.acme.com/.well-known/weir-verification', 'manual'],
    ]);
  });

  it('in a file, also when the resolver says nothing about texts.', async () => {
    const guardedFetch = async () => new Response(TEXT);
    const prove = createProver({ guardedFetch, lookUpText: async () => undefined });
    expect(await prove(CLAIM)).toBe('shown');
  });
});

describe('a host does not show it', () => {
  it.each<[string, World]>([
    ['where there is nothing', {}],
    ['by the text of another', { texts: ['weir-verification=other'], file: () => new Response('weir-verification=x') }],
    ['by a text that only contains it', { texts: [`${TEXT}d`, `"${TEXT}`] }],
    ['by a line that only contains it', { file: () => new Response(`not found: ${TEXT}`) }],
    ['by a file with another status', { file: () => new Response(TEXT, { status: 404 }) }],
    ['behind a redirect', { file: () => new Response(TEXT, { status: 302, headers: { location: 'https://x.com/' } }) }],
    ['behind more than 4 KiB', { file: () => new Response(`${'x\n'.repeat(4_000)}${TEXT}`) }],
    ['when it cannot be reached', { file: () => Promise.reject(new TypeError('refused')) }],
    ['when it repeats what it was asked for', { file: ({ url }) => new Response(url) }],
  ])('%s.', async (_, options) => {
    expect(await find(options)).toBe('missing');
  });

  it.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '100.64.0.1'])(
    'when its name leads to %s, which is sent nothing.',
    async (address) => {
      const { prove, requests } = world({ address, file: () => new Response(TEXT) });
      expect(await prove(CLAIM)).toBe('missing');
      expect(requests).toEqual([]);
    },
  );

  it.each(['localhost', '127.0.0.1', '[::1]', 'api.weir.test', 'x.api.weir.test', 'printer.local', 'doh.test'])(
    'when it is %s, which is sent nothing.',
    async (host) => {
      const { prove, requests } = world({ file: () => new Response(TEXT) });
      expect(await prove({ host, token: 'abc' })).toBe('missing');
      expect(requests).toEqual([]);
    },
  );
});

it('Nothing is concluded while the resolver does not answer.', async () => {
  expect(await find({ dns: false, file: () => new Response(TEXT) })).toBe('unknown');
});
