import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome } from '../../../src/gateway/breaker/outcome.ts';
import { sendUpstream, type UpstreamCall } from '../../../src/gateway/upstream/send.ts';
import type { Upload, Waiting } from '../../../src/gateway/upstream/upload.ts';
import type { PickOptions, Unavailable } from '../../../src/gateway/watch/upstreams.ts';
import { FieldMap } from '../../../src/http/header-fields.ts';
import { AppError } from '../../../src/kernel/errors.ts';
import { type Destination, UnsendableRequest } from '../../../src/outbound/destination.ts';
import { OutboundRefusal } from '../../../src/outbound/guarded-fetch.ts';
import { apiOf, poolOf, upstreamOf } from '../watch/fixture.ts';

type Step = number | Error | Destination['fetch'];

type Init = Parameters<Destination['fetch']>[1];

interface Sent {
  to: string;
  rest: string;
  init: Init;
}

/** Answers when its signal is aborted, with what `fetch` throws then. */
const never: Destination['fetch'] = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** Upstreams that answer in these steps, and a choice that takes the first one that was not tried. */
function newWorld(steps: Step[], { ids = ['a', 'b'], retriesLeft = 100, refusals = [] as Unavailable[] } = {}) {
  const pool = poolOf(ids.map((id) => upstreamOf(id)));
  const api = apiOf([pool]);
  const sent: Sent[] = [];
  const excluded: string[][] = [];
  const outcomes: [id: string, outcome: Outcome][] = [];
  const tried: unknown[] = [];
  const noted = { calls: 0, retries: 0 };

  const pick = (_api: unknown, _pool: unknown, { exclude }: PickOptions) => {
    excluded.push([...exclude]);
    const refusal = refusals.shift();
    if (refusal) return refusal;
    const upstream = pool.upstreams.find(({ id }) => !exclude.has(id)) ?? upstreamOf('nobody');
    let told = false;
    const done = (outcome: Outcome) => {
      if (!told) outcomes.push([upstream.id, outcome]);
      told = true;
    };
    return { upstream, done };
  };

  const answer = async (to: string, rest: string, init: Init): Promise<Response> => {
    sent.push({ to, rest, init });
    const step = steps.shift() ?? 200;
    if (step instanceof Error) throw step;
    return typeof step === 'number' ? new Response(`from ${to}`, { status: step }) : step(rest, init);
  };

  const send = (fields: Partial<UpstreamCall> = {}) =>
    sendUpstream(
      {
        clock: () => new Date(),
        upstreams: { pick },
        destinationOf: ({ id }) => ({ fetch: (rest, init) => answer(id, rest, init) }),
        budgetOf: () => ({
          noteCall: () => {
            noted.calls += 1;
          },
          take: () => noted.retries++ < retriesLeft,
        }),
      },
      {
        ...{ api, pool, method: 'GET', headers: new FieldMap([['accept', 'text/plain']]), body: null, rest: '/7?x=1' },
        ...{ policy: { timeoutMs: 1_000, retries: 2 }, hashKey: undefined, upload: undefined },
        ...{ signal: new AbortController().signal, tried: (so) => void tried.push(so) },
        ...fields,
      },
    );

  return { send, sent, excluded, outcomes, tried, noted, askedOf: () => sent.map(({ to }) => to) };
}

const failure = (code: string, message: string) => expect.objectContaining({ code, message });

const UNREACHABLE = failure('bad_gateway', 'The upstream cannot be reached');
const TOO_LATE = failure('gateway_timeout', 'The upstream did not answer in time');
const NETWORK = new TypeError('connect ECONNREFUSED 10.1.2.3:443');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('sending a call', () => {
  it('asks one upstream for the rest of the path, and tells its answer and the time that it took.', async () => {
    const { send, sent, outcomes, tried, noted } = newWorld([
      async () => {
        vi.setSystemTime(Date.now() + 40);
        return new Response('good', { status: 201 });
      },
    ]);
    const { response, upstream } = await send();
    expect([response.status, await response.text(), upstream.id]).toEqual([201, 'good', 'a']);
    expect(sent).toMatchObject([{ to: 'a', rest: '/7?x=1', init: { method: 'GET', body: null } }]);
    expect(outcomes).toEqual([['a', { kind: 'answered', status: 201, durationMs: 40 }]]);
    expect(tried).toEqual([{ id: 'a', attempts: 1, durationMs: 40 }]);
    expect(noted).toEqual({ calls: 1, retries: 0 });
  });

  it.each([400, 404, 429, 500, 501])('answers with %i and asks nobody else.', async (status) => {
    const { send, askedOf } = newWorld([status]);
    expect((await send()).response.status).toBe(status);
    expect(askedOf()).toEqual(['a']);
  });

  it('tells of an upstream that cannot be reached nothing that the network said.', async () => {
    const { send, outcomes } = newWorld([NETWORK]);
    const error: unknown = await send({ method: 'POST' }).catch((reason: unknown) => reason);
    expect(error).toEqual(UNREACHABLE);
    expect(error).toMatchObject({ cause: NETWORK });
    expect(outcomes).toEqual([['a', { kind: 'failed', reason: 'unreachable' }]]);
  });

  it('tells when nothing may be sent to the upstream.', async () => {
    const { send } = newWorld([new OutboundRefusal('refused', 'The address is private')]);
    const expected = failure('bad_gateway', 'The upstream may not be called');
    await expect(send({ method: 'POST' })).rejects.toEqual(expected);
  });
});

describe('a call that failed', () => {
  it.each([502, 503, 504])('is sent to another upstream after %i, and the first answer is let go.', async (status) => {
    const cancelled = vi.fn();
    const body = () => new ReadableStream({ cancel: cancelled });
    const { send, askedOf, excluded, tried } = newWorld([async () => new Response(body(), { status }), 200]);
    const { response, upstream } = await send();
    expect([response.status, upstream.id]).toEqual([200, 'b']);
    expect(askedOf()).toEqual(['a', 'b']);
    expect(excluded.map((ids) => ids.length)).toEqual([0, 1]);
    expect(cancelled).toHaveBeenCalledOnce();
    expect(tried).toMatchObject([
      { id: 'a', attempts: 1 },
      { id: 'b', attempts: 2 },
    ]);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])('is repeated if it is %s.', async (method) => {
    const { send, askedOf } = newWorld([NETWORK, 200]);
    expect((await send({ method })).response.status).toBe(200);
    expect(askedOf()).toEqual(['a', 'b']);
  });

  it.each(['POST', 'PATCH', 'CONNECT', 'get', 'PROPFIND'])('is not repeated if it is %s.', async (method) => {
    const { send, askedOf, noted } = newWorld([503, 200]);
    expect((await send({ method })).response.status).toBe(503);
    expect(askedOf()).toEqual(['a']);
    expect(noted).toEqual({ calls: 0, retries: 0 });
  });

  it('is repeated with its body if that is a text or bytes, and not if it is a stream.', async () => {
    const text = newWorld([503, 200]);
    await text.send({ method: 'PUT', body: 'all of it' });
    expect(text.sent.map(({ init }) => init.body)).toEqual(['all of it', 'all of it']);
    const bytes = newWorld([NETWORK, 200]);
    await bytes.send({ method: 'PUT', body: new Uint8Array(3) });
    expect(bytes.sent.map(({ init }) => init.body)).toEqual([new Uint8Array(3), new Uint8Array(3)]);
    const stream = newWorld([NETWORK, 200]);
    await expect(stream.send({ method: 'PUT', body: new ReadableStream() })).rejects.toEqual(UNREACHABLE);
    expect(stream.askedOf()).toEqual(['a']);
  });

  it('is repeated as often as the policy says, and the last answer is the answer.', async () => {
    const { send, askedOf, noted } = newWorld([503, NETWORK, 504, 200], { ids: ['a', 'b', 'c', 'd'] });
    const { response, upstream } = await send();
    expect([response.status, await response.text(), upstream.id]).toEqual([504, 'from c', 'c']);
    expect(askedOf()).toEqual(['a', 'b', 'c']);
    expect(noted).toEqual({ calls: 1, retries: 2 });
    const unwilling = newWorld([503, 200]);
    expect((await unwilling.send({ policy: { timeoutMs: 1_000, retries: 0 } })).response.status).toBe(503);
    expect(unwilling.noted).toEqual({ calls: 0, retries: 0 });
  });

  it('goes to the same upstreams again when all of them were tried.', async () => {
    const { send, askedOf, excluded } = newWorld([503, 503, 200]);
    expect((await send()).response.status).toBe(200);
    expect(askedOf()).toEqual(['a', 'b', 'a']);
    expect(excluded).toEqual([[], ['a'], []]);
  });

  it('is not repeated without a retry in the budget: the answer or the failure stands.', async () => {
    const answered = newWorld([503, 200], { retriesLeft: 0 });
    const { response } = await answered.send();
    expect([response.status, await response.text()]).toEqual([503, 'from a']);
    const failed = newWorld([NETWORK, 200], { retriesLeft: 0 });
    await expect(failed.send()).rejects.toEqual(UNREACHABLE);
    expect(failed.askedOf()).toEqual(['a']);
  });
});

describe("a call's time", () => {
  it('ends an attempt that no answer came to.', async () => {
    const { send, sent, outcomes } = newWorld([never]);
    const sending = expect(send()).rejects.toEqual(TOO_LATE);
    await vi.advanceTimersByTimeAsync(999);
    expect(sent[0]?.init.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await sending;
    expect(outcomes).toEqual([['a', { kind: 'failed', reason: 'timeout' }]]);
    expect(sent.length).toBe(1);
  });

  it('is one for all attempts.', async () => {
    const slow: Destination['fetch'] = async () => {
      vi.setSystemTime(Date.now() + 900);
      return new Response(null, { status: 503 });
    };
    const { send, outcomes } = newWorld([slow, never]);
    const sending = expect(send()).rejects.toEqual(TOO_LATE);
    await vi.advanceTimersByTimeAsync(100);
    await sending;
    expect(outcomes.map(([id, { kind }]) => [id, kind])).toEqual([
      ['a', 'answered'],
      ['b', 'failed'],
    ]);
  });

  it.each([
    [950, ['a', 'b']],
    [951, ['a']],
  ])('must leave fifty milliseconds for another attempt: after %i of 1000, %j are asked.', async (passed, asked) => {
    const { send, askedOf } = newWorld([
      async () => {
        vi.setSystemTime(Date.now() + passed);
        return new Response(null, { status: 503 });
      },
    ]);
    await send();
    expect(askedOf()).toEqual(asked);
  });

  it('is for the header fields: the body may take longer.', async () => {
    const { send, sent } = newWorld([200]);
    await send();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent[0]?.init.signal.aborted).toBe(false);
  });
});

describe('a caller who goes away', () => {
  it('ends the attempt, which is no failure of the upstream, and nobody else is asked.', async () => {
    const caller = new AbortController();
    const { send, askedOf, outcomes } = newWorld([never]);
    const sending = send({ signal: caller.signal });
    sending.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    caller.abort();
    // The runtime may drop all that is awaited: it has to be told by then.
    expect(outcomes).toEqual([['a', { kind: 'aborted' }]]);
    await expect(sending).rejects.toEqual(failure('bad_gateway', 'The caller went away'));
    expect(outcomes).toEqual([['a', { kind: 'aborted' }]]);
    expect(askedOf()).toEqual(['a']);
  });

  it('before anything was sent is noticed.', async () => {
    const { send, outcomes } = newWorld([never]);
    await expect(send({ signal: AbortSignal.abort() })).rejects.toMatchObject({ message: 'The caller went away' });
    expect(outcomes).toEqual([['a', { kind: 'aborted' }]]);
  });

  it('while the answer came is not asked for again.', async () => {
    const caller = new AbortController();
    const { send, askedOf } = newWorld([
      async () => {
        caller.abort();
        return new Response(null, { status: 503 });
      },
    ]);
    expect((await send({ signal: caller.signal })).response.status).toBe(503);
    expect(askedOf()).toEqual(['a']);
  });
});

/** An upload, and what the test says of it. */
function newUpload() {
  const ended = new AbortController();
  const state = { waiting: { for: 'caller', since: Date.now() } as Waiting, left: 0 };
  let error: AppError | undefined;
  const upload: Upload = {
    ...{ stream: new ReadableStream(), waiting: () => state.waiting, broken: () => error, signal: ended.signal },
    leave: () => {
      state.left += 1;
    },
  };
  return {
    call: { method: 'POST', body: upload.stream, upload },
    state,
    waitFor: (whom: Waiting['for']) => {
      state.waiting = { for: whom, since: Date.now() };
    },
    breakOff(why: AppError) {
      error = why;
      ended.abort();
    },
  };
}

describe('a body that breaks off', () => {
  const tooLarge = new AppError('payload_too_large', 'The body is too large');

  it('is answered with why, and the upstream is not to blame.', async () => {
    const { call, breakOff } = newUpload();
    const { send, outcomes } = newWorld([never]);
    const sending = send(call);
    breakOff(tooLarge);
    await expect(sending).rejects.toBe(tooLarge);
    expect(outcomes).toEqual([['a', { kind: 'aborted' }]]);
  });

  it('breaks off the exchange even when the answer is on its way.', async () => {
    const { call, breakOff } = newUpload();
    const { send, sent } = newWorld([200]);
    await send(call);
    breakOff(tooLarge);
    expect(sent[0]?.init.signal.aborted).toBe(true);
  });
});

describe('the time of a call whose body takes long', () => {
  it('runs from when the upstream has the body.', async () => {
    const { call, waitFor } = newUpload();
    const { send, sent, outcomes } = newWorld([never]);
    const sending = expect(send(call)).rejects.toEqual(TOO_LATE);
    await vi.advanceTimersByTimeAsync(10_400);
    waitFor('answer');
    await vi.advanceTimersByTimeAsync(999);
    expect(sent[0]?.init.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await sending;
    expect(outcomes).toEqual([['a', { kind: 'failed', reason: 'timeout' }]]);
  });

  it('runs too while the upstream does not take what there is.', async () => {
    const { call, waitFor } = newUpload();
    const { send, outcomes } = newWorld([never]);
    const sending = expect(send(call)).rejects.toEqual(TOO_LATE);
    await vi.advanceTimersByTimeAsync(5_000);
    waitFor('upstream');
    await vi.advanceTimersByTimeAsync(1_000);
    await sending;
    expect(outcomes).toEqual([['a', { kind: 'failed', reason: 'timeout' }]]);
  });

  it('is told without the time in which the caller sent, and the caller may then take as long as it likes.', async () => {
    const { call, state, waitFor } = newUpload();
    const answerIn = Promise.withResolvers<Response>();
    const { send, outcomes } = newWorld([() => answerIn.promise]);
    const sending = send(call);
    await vi.advanceTimersByTimeAsync(5_000);
    waitFor('answer');
    await vi.advanceTimersByTimeAsync(30);
    answerIn.resolve(new Response('good'));
    await sending;
    expect(outcomes).toEqual([['a', { kind: 'answered', status: 200, durationMs: 30 }]]);
    expect(state.left).toBe(1);
  });

  it('is none where the answer was there first.', async () => {
    const { send, outcomes } = newWorld([
      async () => {
        vi.setSystemTime(Date.now() + 900);
        return new Response('early');
      },
    ]);
    await send(newUpload().call);
    expect(outcomes).toEqual([['a', { kind: 'answered', status: 200, durationMs: 0 }]]);
  });
});

it('what the platform does not send is the caller’s fault, says nothing of the upstream and is not repeated.', async () => {
  const { send, outcomes, askedOf } = newWorld([new UnsendableRequest(new TypeError('no such method')), 200]);
  await expect(send()).rejects.toEqual(failure('bad_request', 'The request cannot be passed on'));
  expect(outcomes).toEqual([['a', { kind: 'aborted' }]]);
  expect(askedOf()).toEqual(['a']);
});

describe('a pool of which no upstream takes calls', () => {
  it.each([
    [0, 1],
    [1_000, 1],
    [4_001, 5],
  ])('refuses: in %i ms is said as %i s.', async (retryAfterMs, retryAfter) => {
    const { send, sent, tried } = newWorld([], { refusals: [{ unavailable: true, retryAfterMs }] });
    const message = 'No upstream of this API takes calls at the moment';
    await expect(send()).rejects.toMatchObject({ code: 'service_unavailable', message, retryAfter });
    expect([sent, tried]).toEqual([[], []]);
  });

  it('is asked once more when a probe may have been granted meanwhile.', async () => {
    const recheck = vi.fn(async () => undefined);
    const refusal = { unavailable: true, retryAfterMs: 500, recheck } as const;
    const { send, askedOf } = newWorld([200], { refusals: [refusal] });
    expect((await send()).response.status).toBe(200);
    expect(askedOf()).toEqual(['a']);
    const again = newWorld([], { refusals: [refusal, refusal] });
    await expect(again.send()).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(recheck).toHaveBeenCalledTimes(2);
  });
});
