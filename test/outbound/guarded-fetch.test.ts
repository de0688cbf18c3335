import { describe, expect, it } from 'vitest';
import { createOutbound } from '../../src/outbound/guarded-fetch.ts';
import { createResolver } from '../../src/outbound/resolver.ts';
import { policy } from './policy.ts';

type Answer = (type: 'A' | 'AAAA', signal: AbortSignal) => Response | Promise<Response>;

const TYPES = { A: 1, CNAME: 5, AAAA: 28 };
type RecordOf = [type: keyof typeof TYPES, data: string, ttl?: number];

const dns = (...records: RecordOf[]) =>
  Response.json({
    Status: 0,
    TC: false,
    Answer: records.map(([type, data, TTL = 300]) => ({ name: 'x', type: TYPES[type], TTL, data })),
  });

const v4 =
  (...addresses: string[]): Answer =>
  (type) =>
    type === 'A' ? dns(...addresses.map((data): RecordOf => ['A', data])) : dns();

interface World {
  /** What the resolver says, one entry a look-up (the last one repeats). */
  dns?: Answer[];
  receiver?: (request: Request) => Response | Promise<Response>;
  allow?: string;
}

/** An outbound whose network is a resolver and one receiver; both count what reaches them. */
function world({ dns: answers = [v4('93.184.216.34')], receiver = () => new Response('ok'), allow = '' }: World = {}) {
  const seen = { lookUps: 0, requests: [] as Request[] };
  const time = { now: new Date('2026-01-01T00:00:00Z') };
  const network: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.hostname !== 'doh.test') {
      seen.requests.push(request);
      return receiver(request);
    }
    const type = url.searchParams.get('type') === '1' ? 'A' : 'AAAA';
    if (type === 'A') seen.lookUps += 1;
    const answer = answers[Math.min(seen.lookUps, answers.length) - 1];
    if (!answer) throw new Error('the test has no answer left');
    return answer(type, request.signal);
  };
  const rules = policy(allow);
  const clock = () => time.now;
  const resolve = createResolver({ fetch: network, clock, dohUrl: rules.dohUrl });
  const outbound = createOutbound({ fetch: network, clock, policy: rules, resolve });
  const get = (url = 'https://hooks.example.com/x', timeoutMs = 5_000) =>
    outbound({ url, method: 'GET', headers: {}, timeoutMs });
  return { outbound, get, seen, time };
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('a guarded request', () => {
  it('reaches a public host and answers its status, headers and body', async () => {
    const { outbound, seen } = world({
      receiver: () => new Response('hello', { status: 201, headers: { 'x-a': 'b' } }),
    });
    const result = await outbound({
      url: 'https://hooks.example.com/x',
      method: 'POST',
      headers: { 'x-c': 'd' },
      body: 'payload',
      timeoutMs: 5_000,
    });
    expect(result).toMatchObject({ kind: 'response', status: 201, excerpt: 'hello' });
    expect(result.kind === 'response' && result.headers.get('x-a')).toBe('b');
    const [request] = seen.requests;
    expect(await request?.text()).toBe('payload');
    expect(request?.headers.get('x-c')).toBe('d');
  });

  it('is refused without a look-up when the address itself is not acceptable', async () => {
    const { get, seen } = world();
    expect(await get('https://127.0.0.1/')).toMatchObject({
      kind: 'refused',
      reason: 'The address must name a host, not an IP address',
    });
    expect(seen).toEqual({ lookUps: 0, requests: [] });
  });

  it.each<[string, Answer]>([
    ['an address is private', v4('10.0.0.1')],
    ['one of several is private', v4('93.184.216.34', '192.168.1.1')],
    [
      'an alias leads to a private address',
      (type) => (type === 'A' ? dns(['CNAME', 'db.corp.'], ['A', '172.16.0.9']) : dns(['CNAME', 'db.corp.'])),
    ],
    [
      'only the IPv6 address is private',
      (type) => (type === 'A' ? dns(['A', '93.184.216.34']) : dns(['AAAA', 'fd00::1'])),
    ],
    ['there is only an IPv6 address and it is private', (type) => (type === 'A' ? dns() : dns(['AAAA', '::1']))],
    [
      'the IPv6 address carries a private IPv4 one',
      (type) => (type === 'A' ? dns() : dns(['AAAA', '64:ff9b::a9fe:a9fe'])),
    ],
    ['the answer is not an address', v4('not-an-address')],
  ])('reaches nobody when %s', async (_, answer) => {
    const { get, seen } = world({ dns: [answer] });
    expect(await get()).toMatchObject({ kind: 'refused', reason: 'The address must belong to the public internet' });
    expect(seen.requests).toEqual([]);
  });

  it('reaches a host that only has a public IPv6 address', async () => {
    const { get } = world({ dns: [(type) => (type === 'A' ? dns() : dns(['AAAA', '2606:4700::1']))] });
    expect(await get()).toMatchObject({ kind: 'response', status: 200 });
  });

  it.each<[string, Answer]>([
    ['the name does not exist', () => Response.json({ Status: 3 })],
    ['the name has no address', () => dns()],
    ['the resolver fails', () => new Response('no', { status: 500 })],
    ['the resolver redirects', () => new Response(null, { status: 302, headers: { location: 'https://evil.test/' } })],
    ['the resolver reports a server failure', () => Response.json({ Status: 2 })],
    ['the answer was cut', () => Response.json({ Status: 0, TC: true, Answer: [] })],
    ['the answer is not JSON', () => new Response('<html>')],
    ['the answer has another shape', () => Response.json({ Status: 'fine' })],
    ['the answer never ends', () => new Response('a'.repeat(64 * 1024))],
    [
      'one of the two questions fails',
      (type) => (type === 'A' ? dns(['A', '93.184.216.34']) : new Response('', { status: 503 })),
    ],
    ['the resolver cannot be reached', () => Promise.reject(new TypeError('network'))],
  ])('reaches nobody, and may be tried again, when %s', async (_, answer) => {
    const { get, seen } = world({ dns: [answer] });
    expect(await get()).toMatchObject({ kind: 'unreachable' });
    expect(seen.requests).toEqual([]);
  });

  it('gives up on a resolver that does not answer, within its own time', async () => {
    const { get, seen } = world({ dns: [(_, signal) => untilAborted(signal)] });
    expect(await get(undefined, 20)).toMatchObject({ kind: 'unreachable' });
    expect(seen.requests).toEqual([]);
  });

  it('keeps an answer for its TTL, for a minute at most, and notices when it turns private', async () => {
    const { get, seen, time } = world({ dns: [v4('93.184.216.34'), v4('10.0.0.1')] });
    await get();
    time.now = new Date(time.now.getTime() + 59_000);
    expect(await get()).toMatchObject({ kind: 'response' });
    expect(seen.lookUps).toBe(1);
    time.now = new Date(time.now.getTime() + 1_000);
    expect(await get()).toMatchObject({ kind: 'refused' });
    expect(seen.lookUps).toBe(2);
  });

  it('does not keep an answer without a lifetime, nor a failure', async () => {
    const fleeting: Answer = (type) => (type === 'A' ? dns(['A', '93.184.216.34', 0]) : dns());
    const { get, seen } = world({ dns: [fleeting, () => new Response('', { status: 500 }), v4('93.184.216.34')] });
    expect([(await get()).kind, (await get()).kind, (await get()).kind]).toEqual([
      'response',
      'unreachable',
      'response',
    ]);
    expect(seen.lookUps).toBe(3);
  });

  it('does not look up a host on the allow-list', async () => {
    const { get, seen } = world({ allow: 'localhost:3000' });
    expect(await get('http://localhost:3000/')).toMatchObject({ kind: 'response' });
    expect(seen.lookUps).toBe(0);
  });

  it('does not follow a redirect', async () => {
    const { get, seen } = world({
      receiver: () => new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } }),
    });
    expect(await get()).toMatchObject({ kind: 'response', status: 302 });
    expect(seen.requests.map((request) => [request.url, request.redirect])).toEqual([
      ['https://hooks.example.com/x', 'manual'],
    ]);
  });

  it('reads 4 KiB of the answer and drops the rest', async () => {
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000).fill(97)),
      cancel() {
        cancelled = true;
      },
    });
    const { get } = world({ receiver: () => new Response(endless) });
    expect(await get()).toMatchObject({ kind: 'response', excerpt: 'a'.repeat(4_096) });
    expect(cancelled).toBe(true);
  });

  it('keeps the excerpt storable: no NUL, no broken characters', async () => {
    const bytes = new Uint8Array([0x61, 0x00, 0xff, 0xe2, 0x82]);
    const result = await world({ receiver: () => new Response(bytes) }).get();
    expect(result).toMatchObject({ kind: 'response', excerpt: 'a\uFFFD\uFFFD\uFFFD' });
  });

  it('counts an answer whose body breaks off as that answer', async () => {
    let pulls = 0;
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ > 0) controller.error(new Error('reset'));
        else controller.enqueue(new TextEncoder().encode('half'));
      },
    });
    expect(await world({ receiver: () => new Response(broken) }).get()).toMatchObject({ status: 200, excerpt: 'half' });
  });

  it('says the same of a closed port, a reset and a broken handshake', async () => {
    const reasons = ['ECONNREFUSED', 'ECONNRESET', 'certificate has expired'].map((message) =>
      world({ receiver: () => Promise.reject(new TypeError(message)) }).get(),
    );
    for (const result of await Promise.all(reasons)) {
      expect(result).toMatchObject({ kind: 'unreachable', reason: 'The destination could not be reached' });
    }
  });

  it('ends when its time is up', async () => {
    const { get } = world({ receiver: (request) => untilAborted(request.signal) });
    expect(await get(undefined, 20)).toMatchObject({ kind: 'timeout', reason: 'No answer within 20 ms' });
  });
});
