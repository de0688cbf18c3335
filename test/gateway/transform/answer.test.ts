import { describe, expect, it } from 'vitest';
import { answerOf } from '../../../src/gateway/answer.ts';
import type { Call } from '../../../src/gateway/call.ts';
import type { CompiledPool, CompiledUpstream, ResponseTransform } from '../../../src/gateway/compiled.ts';
import type { Forwarded } from '../../../src/gateway/forward.ts';
import type { Place } from '../../../src/gateway/place.ts';
import type { CallPlan } from '../../../src/gateway/prepared.ts';
import type { RoutedCall } from '../../../src/gateway/routing/router.ts';
import { compileResponseTransform } from '../../../src/gateway/transform/compile.ts';
import { callFacts } from './fixtures.ts';

const SLUG: Place['organization'] = { by: 'name', name: 'slug:acme', kind: 'slug' };
const HOST: Place['organization'] = { by: 'name', name: 'host:api.acme.com', kind: 'host' };
const CREDENTIAL: Place['organization'] = { by: 'credential' };

const UPSTREAM = { url: 'https://up.test/v1' } as CompiledUpstream;
const POOL = { upstreams: [UPSTREAM] as readonly CompiledUpstream[] } as CompiledPool;

function answered(response: Response, organization: Place['organization'], extra: Partial<ResponseTransform> = {}) {
  const transform = { headers: [], body: null, status: [], mask: [], ...extra };
  const call = { requestId: 'r', request: new Request('https://weir.test/'), place: { organization } };
  const routed = { base: '/g/acme/orders', mount: '/g/acme/orders/v1', plan: { policy: { timeoutMs: 1_000 } } };
  const plan = { response: compileResponseTransform(transform) };
  const forwarded = { response, pool: POOL, upstream: UPSTREAM, rest: '/a', injection: null };
  return answerOf(
    call as Call,
    routed as RoutedCall,
    plan as CallPlan,
    { ...forwarded, facts: callFacts() } as Forwarded,
  );
}

const page = () => new Response('<script>', { headers: { 'content-type': 'text/html' } });

describe("an upstream's answer, as the caller gets it", () => {
  it('leads where the caller is, version included, and has cookies for the whole API.', async () => {
    const fields = { location: '/v1/b', 'set-cookie': 'a=1; Path=/v1/b' };
    const { headers } = await answered(new Response('', { status: 201, headers: fields }), SLUG);
    expect(headers.get('location')).toBe(`${callFacts().scheme}://${callFacts().host}/g/acme/orders/v1/b`);
    expect(headers.get('set-cookie')).toBe('a=1; Path=/g/acme/orders/b');
  });

  it.each([101, 199, 600, 999])('is a 502 where its status is %i.', async (status) => {
    const odd = { status, headers: new Headers(), body: null, webSocket: null } as unknown as Response;
    await expect(answered(odd, SLUG)).rejects.toMatchObject({ code: 'bad_gateway' });
  });

  it.each([SLUG, CREDENTIAL])('is a page in an origin of its own on our host (%j)', async (organization) => {
    const { headers } = await answered(page(), organization);
    expect(headers.get('content-security-policy')).toBe('sandbox');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('is the page that it is on a host of its own', async () => {
    const { headers } = await answered(page(), HOST);
    expect(headers.has('content-security-policy')).toBe(false);
    expect(headers.has('x-content-type-options')).toBe(false);
  });

  it('is what the transformation makes of it, also in what it is taken for', async () => {
    const headers = [
      { do: 'set', name: 'Content-Type', value: 'image/svg+xml' },
      { do: 'set', name: 'Content-Security-Policy', value: 'sandbox allow-scripts' },
      { do: 'remove', name: 'X-Content-Type-Options', value: '' },
    ] as const;
    const answer = await answered(Response.json({}), SLUG, { headers });
    expect(answer.headers.get('content-security-policy')).toBe('sandbox allow-scripts, sandbox');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each(['text/plain', 'application/x-ndjson', 'text/event-stream'])(
    'does not go around its mask as %s',
    async (type) => {
      const response = new Response('{"url":"x"}', { headers: { 'content-type': type } });
      await expect(answered(response, SLUG, { mask: ['/url'] })).rejects.toMatchObject({
        code: 'bad_gateway',
        message: expect.stringContaining('cannot be passed on'),
      });
    },
  );

  it('is masked whatever its kind of JSON', async () => {
    const response = new Response('{"url":"x"}', { headers: { 'content-type': 'text/json' } });
    expect(await answered(response, SLUG, { mask: ['/url'] })).toMatchObject({ body: '{"url":"***"}' });
  });
});
