import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, type Gateway, type Person, startGateway } from '../support/gateway.ts';
import { type Received, startRawUpstream, startUpstream, startUpstreamAt, type Upstream } from '../support/upstream.ts';
import { type Answer, send } from '../support/wire.ts';

/** What happens to calls while something changes around them. The figures are printed. */

const CALLERS = 4;

let gateway: Gateway;
const started: Upstream[] = [];

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(async () => {
  await gateway.stop();
  for (const upstream of started) await upstream.stop();
});

interface Timed {
  /** Milliseconds since the load began. */
  begunAt: number;
  endedAt: number;
  answer: Answer;
}

/** Callers that call one after the other until they are told to stop. */
function load(path: string, key: string, onAnswer: (timed: Timed) => void = () => undefined) {
  const calls: Timed[] = [];
  const origin = performance.now();
  const now = () => performance.now() - origin;
  let running = true;
  async function caller() {
    while (running) {
      const begunAt = now();
      const answer = await send(gateway.port, path, { headers: { 'X-API-Key': key } });
      const timed = { begunAt, endedAt: now(), answer };
      calls.push(timed);
      onAnswer(timed);
    }
  }
  const callers = Array.from({ length: CALLERS }, caller);
  return {
    calls,
    now,
    async stop() {
      running = false;
      await Promise.all(callers);
      return calls;
    },
  };
}

const statusesOf = (calls: readonly Timed[]) => {
  const counts: Record<number, number> = {};
  for (const { answer } of calls) counts[answer.status] = (counts[answer.status] ?? 0) + 1;
  return counts;
};

const slowest = (calls: readonly Timed[]) =>
  Math.round(Math.max(...calls.map(({ begunAt, endedAt }) => endedAt - begunAt)));

it('an upstream that dies under load is left alone within the window, others are untouched, and it comes back by probes', async () => {
  const ok = (_: Received, response: ServerResponse) => response.end('ok');
  const [dying, living] = [await startUpstream(ok), await startUpstream(ok)];
  started.push(living);
  const window_ms = 4_000;
  const circuit_breaker = { window_ms, minimum_calls: 10, error_rate: 0.5, open_ms: 1_000, probes: 2 };
  const { owner } = gateway;
  const key = (await owner.newKey()).text;
  const make = (url: string) => owner.newApi({ upstreams: [{ url }], circuit_breaker, ejection: { slow_start_ms: 0 } });
  const [first, second] = [await make(dying.url), await make(living.url)];
  const seen = { opened: Promise.withResolvers<void>(), back: Promise.withResolvers<void>() };
  let isDead = false;
  let isBack = false;
  const dead = load(`${first.path}/x`, key, ({ answer }) => {
    if (isDead && answer.status === 503) seen.opened.resolve();
    if (isBack && answer.status === 200) seen.back.resolve();
  });
  const alive = load(`${second.path}/x`, key);
  await expect.poll(() => dead.calls.length, { timeout: 10_000 }).toBeGreaterThan(50);

  await dying.stop();
  isDead = true;
  const killedAt = dead.now();
  await seen.opened.promise;
  const openedAfter = dead.now() - killedAt;
  await delay(500);

  isBack = true;
  started.push(await startUpstreamAt(dying.port, ok));
  const startedAt = dead.now();
  await seen.back.promise;
  const backAfter = dead.now() - startedAt;
  await expect
    .poll(() => dead.calls.slice(-20).every(({ answer }) => answer.status === 200), { timeout: 20_000 })
    .toBe(true);
  const closedAfter = dead.now() - startedAt;
  const [deadCalls, aliveCalls] = [await dead.stop(), await alive.stop()];
  const failed = deadCalls.filter(({ answer }) => answer.status === 502);
  console.log(
    `opened ${Math.round(openedAfter)} ms and ${failed.length} failed calls after the upstream died; first answer ` +
      `${Math.round(backAfter)} ms, all answers ${Math.round(closedAfter)} ms after it was back; ` +
      `${JSON.stringify(statusesOf(deadCalls))}; the other API: ${JSON.stringify(statusesOf(aliveCalls))}, slowest ${slowest(aliveCalls)} ms`,
  );
  expect(openedAfter).toBeLessThan(window_ms);
  expect(Object.keys(statusesOf(aliveCalls))).toEqual(['200']);
  const refused = deadCalls.find(({ answer }) => answer.status === 503)?.answer;
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
});

/** Everything that a version says, in the path, in a field that goes up and in one that comes down. */
const definition = (url: string, version: number) => ({
  name: 'Rolling',
  retries: 0,
  upstreams: [{ url }],
  request: { path: `/v${version}`, headers: [{ do: 'set', name: 'X-Version', value: `v${version}` }] },
  response: { headers: [{ do: 'set', name: 'X-Answered-By', value: `v${version}` }] },
});

async function rollOut(person: Person, changes: number) {
  const upstream = await startUpstream(({ path, headers }, response) =>
    response.end(`${path} /${headers['x-version']}`),
  );
  started.push(upstream);
  const put = async (version: number) => {
    const path = `/api/v1/apis/rolling?organization_id=${person.organizationId}`;
    const { status, body } = await person.ask('PUT', path, definition(upstream.url, version));
    expect(status, JSON.stringify(body)).toBeLessThan(300);
  };
  await put(0);
  const key = (await person.newKey()).text;
  const path = `${person.base}/rolling/x`;
  const running = load(path, key);
  await expect.poll(() => running.calls.length, { timeout: 10_000 }).toBeGreaterThan(10);
  const inForce: { at: number; version: number }[] = [{ at: 0, version: 0 }];
  for (let version = 1; version <= changes; version++) {
    await put(version);
    inForce.push({ at: running.now(), version });
    const next = await send(gateway.port, path, { headers: { 'X-API-Key': key } });
    expect([next.text, next.headers['x-answered-by']]).toEqual([`/v${version} /v${version}`, `v${version}`]);
  }
  return { calls: await running.stop(), inForce };
}

function judge({ calls, inForce }: Awaited<ReturnType<typeof rollOut>>) {
  expect(Object.keys(statusesOf(calls))).toEqual(['200']);
  for (const { begunAt, answer } of calls) {
    const version = String(answer.headers['x-answered-by']);
    expect(answer.text).toBe(`/${version} /${version}`);
    const atLeast = inForce.findLast(({ at }) => at <= begunAt)?.version ?? 0;
    expect(Number(version.slice(1))).toBeGreaterThanOrEqual(atLeast);
  }
  const versions = new Set(calls.map(({ answer }) => answer.headers['x-answered-by']));
  console.log(`${calls.length} calls met ${versions.size} versions, slowest ${slowest(calls)} ms`);
}

it('an API is changed twenty times under load: no call fails, none sees two versions or one that is over', async () => {
  judge(await rollOut(gateway.owner, 20));
});

it('the same holds where calls are let through on a lease, without asking anybody', async () => {
  judge(await rollOut(await gateway.signUp({ leases: 'on' }), 2));
});

it('calls that hang at one organization’s upstream keep nobody else’s waiting', async () => {
  const hanging: ServerResponse[] = [];
  const slow = await startRawUpstream((_request, response) => void hanging.push(response));
  const quick = await startUpstream((_request, response) => response.end('ok'));
  started.push(slow, quick);
  const other = await gateway.signUp();
  const [own, others]: [Api, Api] = [
    await gateway.owner.newApi({ upstreams: [{ url: slow.url }], timeout_ms: 120_000 }),
    await other.newApi({ upstreams: [{ url: quick.url }] }),
  ];
  const [key, othersKey] = [(await gateway.owner.newKey()).text, (await other.newKey()).text];
  const COUNT = 100;
  const waiting = Array.from({ length: COUNT }, () =>
    send(gateway.port, `${own.path}/x`, { headers: { 'X-API-Key': key } }),
  );
  await expect.poll(() => hanging.length, { timeout: 15_000 }).toBe(COUNT);
  const running = load(`${others.path}/x`, othersKey);
  await expect.poll(() => running.calls.length, { timeout: 15_000 }).toBeGreaterThan(200);
  const calls = await running.stop();
  expect(Object.keys(statusesOf(calls))).toEqual(['200']);
  console.log(`${calls.length} calls beside ${COUNT} that hang, slowest ${slowest(calls)} ms`);
  // None of them was let go in the meantime.
  for (const response of hanging) response.end('late');
  for (const answer of await Promise.all(waiting)) expect(answer.text).toBe('late');
});
