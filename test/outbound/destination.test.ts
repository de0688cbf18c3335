import { describe, expect, it, vi } from 'vitest';
import { createDestination, type Destination, UnsendableRequest } from '../../src/outbound/destination.ts';
import { OutboundRefusal } from '../../src/outbound/guarded-fetch.ts';
import { policy } from './policy.ts';

const BASE = 'https://api.example.com/v1';

const REFUSED = new OutboundRefusal('refused', 'The address must belong to the public internet');
const UNREACHABLE = new OutboundRefusal('unreachable', 'The destination could not be reached');

function newWorld({ base = BASE, allow = '' } = {}) {
  const world = { now: 1_000_000 };
  const verdicts: (Error | Promise<void>)[] = [];
  const inBackground: Promise<unknown>[] = [];
  const judge = vi.fn(async (_url: string, _signal: AbortSignal) => {
    const verdict = verdicts.shift();
    if (verdict instanceof Error) throw verdict;
    await verdict;
  });
  const send = vi.fn(
    async (_input: Parameters<typeof fetch>[0], _init?: RequestInit) =>
      new Response(null, { status: 302, headers: { location: 'http://10.0.0.1/' } }),
  );
  const deps = { fetch: send, clock: () => new Date(world.now), policy: policy(allow), judge };
  const background = (work: Promise<unknown>) => void inBackground.push(work);
  const destination = createDestination({ ...deps, background }, base);
  const call: (rest?: string, init?: Partial<Parameters<Destination['fetch']>[1]>) => Promise<Response> = (
    rest = '/orders?x=1',
    init = {},
  ) => destination.fetch(rest, { signal: new AbortController().signal, ...init });
  const pass = async (ms: number) => {
    world.now += ms;
    return call();
  };
  return { call, pass, judge, send, verdicts, settled: () => Promise.all(inBackground) };
}

describe('a destination', () => {
  it('is called below its base, with what it was called with, and its redirects are answers.', async () => {
    const { call, send } = newWorld();
    const { signal } = new AbortController();
    const response = await call('/orders?x=1', { method: 'PUT', body: 'all', redirect: 'follow', signal });
    expect([response.status, response.headers.get('location')]).toEqual([302, 'http://10.0.0.1/']);
    const options = { method: 'PUT', body: 'all', signal, redirect: 'manual', encodeResponseBody: 'manual' };
    expect(send.mock.calls).toEqual([[`${BASE}/orders?x=1`, options]]);
  });

  it('tells what the platform makes no request of from what became of a request.', async () => {
    const { call, send } = newWorld();
    send.mockImplementation(async (url, init) => {
      new Request(url, init);
      throw new TypeError('Network connection lost');
    });
    const unsendable = [{ method: 'GET', body: 'x' }, { method: 'HEAD', body: 'x' }, { method: 'NOT ONE' }];
    for (const init of unsendable) await expect(call('/', init)).rejects.toBeInstanceOf(UnsendableRequest);
    const sendable = [{}, { method: 'POST', body: 'x' }, { method: 'DELETE', body: null }];
    for (const init of sendable) await expect(call('/', init)).rejects.toThrow(/^Network connection lost$/);
  });

  it('is judged once a minute while it is called seldom.', async () => {
    const { call, pass, judge } = newWorld();
    await call();
    await pass(29_999);
    expect(judge.mock.calls).toEqual([[`${BASE}/`, expect.any(AbortSignal)]]);
    await pass(30_001);
    expect(judge).toHaveBeenCalledTimes(2);
  });

  it('is judged once for all who call it first.', async () => {
    const { call, judge, send, verdicts } = newWorld();
    const verdict = Promise.withResolvers<void>();
    verdicts.push(verdict.promise);
    const calls = [call(), call(), call()];
    expect(send).not.toHaveBeenCalled();
    verdict.resolve();
    await Promise.all(calls);
    expect([judge.mock.calls.length, send.mock.calls.length]).toEqual([1, 3]);
  });

  it('is judged again in the background after half a minute, which nobody waits for.', async () => {
    const { call, pass, judge, verdicts, settled } = newWorld();
    await call();
    const verdict = Promise.withResolvers<void>();
    verdicts.push(verdict.promise);
    await pass(30_000);
    await pass(10_000);
    expect(judge).toHaveBeenCalledTimes(2);
    verdict.resolve();
    await settled();
    await pass(29_999);
    expect(judge).toHaveBeenCalledTimes(2);
  });

  it('is not called when the judge refuses, and judged anew for the next call.', async () => {
    const { call, judge, send, verdicts } = newWorld();
    verdicts.push(REFUSED);
    await expect(call()).rejects.toBe(REFUSED);
    expect(send).not.toHaveBeenCalled();
    await call();
    expect(judge).toHaveBeenCalledTimes(2);
  });

  it('that is refused in the background is not called from then on.', async () => {
    const { call, pass, send, verdicts, settled } = newWorld();
    await call();
    verdicts.push(REFUSED, REFUSED);
    await pass(30_000);
    await settled();
    await expect(call()).rejects.toBe(REFUSED);
    expect(send).toHaveBeenCalledTimes(2);
  });

  it('whose name cannot be looked up is called until the last judgement is a minute old.', async () => {
    const { call, pass, send, verdicts, settled } = newWorld();
    await call();
    verdicts.push(UNREACHABLE, UNREACHABLE, UNREACHABLE);
    await pass(30_000);
    await settled();
    await pass(29_999);
    await settled();
    await expect(pass(1)).rejects.toBe(UNREACHABLE);
    expect(send).toHaveBeenCalledTimes(3);
  });

  it.each([
    ['https://10.0.0.1', 'The address must name a host, not an IP address'],
    ['http://api.example.com', 'The address must use https'],
    ['https://x.api.weir.test', 'The address must not be an address of this service'],
  ])('at %s is never called nor judged.', async (base, message) => {
    const { call, judge, send } = newWorld({ base });
    await expect(call()).rejects.toEqual(new OutboundRefusal('refused', message));
    expect([judge.mock.calls, send.mock.calls]).toEqual([[], []]);
  });

  it('that the operator lists is not judged.', async () => {
    const { call, judge } = newWorld({ base: 'http://10.0.0.1:8080', allow: '10.0.0.0/8:8080' });
    expect((await call()).status).toBe(302);
    expect(judge).not.toHaveBeenCalled();
  });

  it('does not hold up a caller who gives up, while the judgement goes on for the others.', async () => {
    const { call, judge, send, verdicts } = newWorld();
    const verdict = Promise.withResolvers<void>();
    verdicts.push(verdict.promise);
    const caller = new AbortController();
    const given = call('', { signal: caller.signal });
    const other = call();
    caller.abort(new Error('too late'));
    await expect(given).rejects.toThrow('too late');
    await expect(call('', { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
    verdict.resolve();
    expect((await other).status).toBe(302);
    expect([judge.mock.calls.length, send.mock.calls.length]).toEqual([1, 1]);
  });
});
