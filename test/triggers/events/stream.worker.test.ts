import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, signUp } from '../../support/api.ts';
import { CHAIN_ID, watchOwnChain } from '../../support/watched-chain.ts';
import { openStream } from './live.ts';

/** The live view of a real chain, through the Worker's own entry and the object behind it. */
let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let auth: Record<string, string>;

beforeAll(async () => {
  chain = await watchOwnChain();
  auth = { Authorization: `Bearer ${(await signUp()).token}` };
});

afterAll(() => chain.stop());

describe('GET /api/v1/events/stream', () => {
  it('tells of an event when it is seen and when it is confirmed', async () => {
    const stream = await openStream('?agent_id=10', auth);
    expect(stream.opened).toMatchObject({ id: expect.stringMatching(/^31337:\d+$/), type: '' });
    await chain.mint(11n);
    const transaction_hash = await chain.mint(10n);
    await chain.read();
    const about = { event_type: 'Registered', agent_id: 10, chain_id: CHAIN_ID, transaction_hash };
    expect(await stream.next()).toMatchObject({ type: 'event', data: { ...about, status: 'observed' } });
    expect(await stream.next()).toMatchObject({ type: 'confirm', data: { ...about, status: 'confirmed' } });
    await stream.close();
  });

  it('goes on after a cut where it was, without loss and without repeating anything', async () => {
    const first = await openStream(`?chain_id=${CHAIN_ID}&status=confirmed`, auth);
    await chain.mint(20n);
    await chain.read();
    const last = await first.next();
    expect(last).toMatchObject({ type: 'confirm', data: { agent_id: 20 } });
    await first.close();
    for (const agent of [21n, 22n, 23n]) await chain.mint(agent);
    await chain.read();
    const second = await openStream(`?chain_id=${CHAIN_ID}&status=confirmed`, { ...auth, 'Last-Event-ID': last.id });
    expect(second.opened.id).toBe(last.id);
    for (const agent_id of [21, 22, 23]) expect(await second.next()).toMatchObject({ data: { agent_id } });
    await chain.mint(24n);
    await chain.read();
    expect(await second.next()).toMatchObject({ type: 'confirm', data: { agent_id: 24 } });
    await second.close();
    const third = await openStream(`?agent_id=21&last_event_id=${last.id}`, auth);
    expect([(await third.next()).type, (await third.next()).type]).toEqual(['event', 'confirm']);
    await third.close();
  });

  it('tells of an event whose block goes', async () => {
    const stream = await openStream('?agent_id=30', auth);
    await chain.mint(30n);
    await chain.read();
    expect([(await stream.next()).type, (await stream.next()).type]).toEqual(['event', 'confirm']);
    await chain.reorganize(1);
    await chain.mint(31n);
    await chain.read();
    expect(await stream.next()).toMatchObject({ type: 'retract', data: { agent_id: 30, status: 'reorged' } });
    await stream.close();
  });

  it('costs one unit to open, told in its header fields', async () => {
    const { headers, close } = await openStream('', auth);
    const before = Number(headers.get('X-RateLimit-Remaining'));
    await close();
    const again = await openStream('', auth);
    await again.close();
    expect(Number(again.headers.get('X-RateLimit-Remaining'))).toBe(before - 1);
    expect(headers.get('Cache-Control')).toBe('no-store');
  });

  it('gives a caller five streams at a time, wherever they are opened, and charges for a refusal', async () => {
    const own = { Authorization: `Bearer ${(await signUp()).token}` };
    const streams = [];
    for (let n = 0; n < 5; n += 1) streams.push(await openStream('', own));
    const left = Number(streams.at(-1)?.headers.get('X-RateLimit-Remaining'));
    const refused = await call('GET', '/api/v1/events/stream', { headers: own });
    const message = 'A caller may have 5 streams at a time; close one first';
    expect(refused).toMatchObject({
      status: 429,
      body: { error: { code: 'RATE_LIMITED', message, retry_after: 10, limit: 5, window: 900 } },
    });
    expect(refused.headers.get('Retry-After')).toBe('10');
    await (await openStream('', auth)).close();
    await streams[0]?.close();
    const again = await openStream('', own);
    expect(Number(again.headers.get('X-RateLimit-Remaining'))).toBe(left - 2);
    for (const stream of [again, ...streams.slice(1)]) await stream.close();
  });

  it('tells callers without a credential apart by their address', async () => {
    const from = (address: string) => ({ 'CF-Connecting-IP': address });
    const streams = [];
    for (let n = 0; n < 5; n += 1) streams.push(await openStream('', from(`2001:db8:1:1::${n}`)));
    const refused = await call('GET', '/api/v1/events/stream', { headers: from('2001:db8:1:1::9') });
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED', limit: 5 } } });
    streams.push(await openStream('', from('2001:db8:1:2::1')));
    for (const stream of streams) await stream.close();
  });

  it.each([
    ['?chain_id=5', {}, 'chain_id'],
    ['?event_type=Nonsense', {}, 'event_type'],
    ['?last_event_id=17', {}, 'last_event_id'],
    ['', { 'Last-Event-ID': 'x' }, 'last-event-id'],
  ])('refuses %s with %j', async (query, headers, path) => {
    const answer = await call('GET', `/api/v1/events/stream${query}`, { headers: { ...auth, ...headers } });
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed', details: [{ path }] } });
  });

  it('takes a place that is not reached yet for the end', async () => {
    const stream = await openStream(`?chain_id=${CHAIN_ID}&last_event_id=${CHAIN_ID}:999999999`, auth);
    await chain.mint(40n);
    await chain.read();
    expect(await stream.next()).toMatchObject({ type: 'event', data: { agent_id: 40 } });
    await stream.close();
  });

  it('answers HEAD with the fields alone', async () => {
    const answer = await call('HEAD', '/api/v1/events/stream', { headers: auth });
    expect(answer).toMatchObject({ status: 200, body: undefined });
    expect(answer.headers.get('Content-Type')).toBe('text/event-stream');
  });
});
