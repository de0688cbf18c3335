import { AppError } from '../../kernel/errors.ts';
import type { MockAnswer, Policy } from '../compiled.ts';
import { BODILESS } from '../message.ts';
import { chooseMock, hasBody } from './choose.ts';
import { type Fault, MAX_LATENCY_MS, readControls } from './controls.ts';
import { withEcho } from './echo.ts';
import { dataOf, seedOf } from './generate.ts';
import { readPreferences } from './prefer.ts';

export interface SandboxDeps {
  wait(ms: number): Promise<void>;
  /** From 0 to 1, 1 excluded. */
  random(): number;
}

export interface SandboxCall {
  request: Request;
  policy: Pick<Policy, 'mock' | 'timeoutMs'>;
  params: ReadonlyMap<string, string>;
  /** What the data are about: API and path. */
  subject: string;
}

/** On every answer to a test key that was let through. */
export const SANDBOX_FIELD: [name: string, value: string] = ['X-Sandbox', 'true'];

/**
 * Answers a call from the endpoint's mock answers alone.
 * @throws AppError `not_implemented` where there are none; `bad_request` for what it cannot do; `not_acceptable`; and as a
 * fault was asked for
 */
export async function mockAnswer(deps: SandboxDeps, call: SandboxCall): Promise<Response> {
  const { request, policy } = call;
  const { latencyMs, fault, seed } = readControls(request.headers);
  const preferences = readPreferences(request.headers);
  if (latencyMs > 0) await deps.wait(latencyMs);
  if (fault !== null) return failing(deps, fault, policy.timeoutMs);
  const mock = chooseMock(policy.mock, preferences, request.headers.get('accept'));
  const headers = new Headers({ 'Cache-Control': 'no-store' });
  const applied = appliedOf(preferences);
  if (applied !== '') headers.set('Preference-Applied', applied);
  if (!hasBody(mock) || BODILESS.has(mock.status)) return new Response(null, { status: mock.status, headers });
  headers.set('Content-Type', mock.contentType);
  let data = mock.example;
  if (mock.schema !== undefined && (data === undefined || preferences.dynamic)) {
    const named = seed ?? (preferences.dynamic ? String(Math.floor(deps.random() * 2 ** 32)) : 'weir');
    headers.set('X-Sandbox-Seed', named);
    data = dataOf(mock.schema, seedOf(`${named} ${call.subject}`), preferences.dynamic);
  }
  // Who asks for an example by name wants that one.
  const isAsWritten = preferences.example !== null || mock.status >= 300;
  const body = isAsWritten ? data : withEcho(data, { params: call.params, body: await sentJson(request) });
  const text = textOf(body, mock);
  return new Response(request.method === 'HEAD' ? null : text, { status: mock.status, headers });
}

const appliedOf = ({ code, example, dynamic }: ReturnType<typeof readPreferences>) =>
  [code !== null && `code=${code}`, example !== null && `example=${JSON.stringify(example)}`, dynamic && 'dynamic']
    .filter((part) => part !== false)
    .join(', ');

/** An example that is a text is that text, in every type but JSON's. */
const textOf = (data: unknown, { contentType }: MockAnswer): string =>
  typeof data === 'string' && !/[/+]json\b/i.test(contentType) ? data : JSON.stringify(data);

async function failing({ wait }: SandboxDeps, fault: Fault, timeoutMs: number): Promise<Response> {
  switch (fault) {
    case 'timeout':
      await wait(Math.min(timeoutMs, MAX_LATENCY_MS));
      throw new AppError('gateway_timeout', 'The upstream did not answer in time');
    case '503':
      throw new AppError('service_unavailable', 'No upstream takes calls at this moment', { retryAfter: 1 });
    case 'malformed':
      return new Response('{"data": [{"id": 1, ', { headers: { 'Content-Type': 'application/json' } });
    case 'reset':
      return new Response(breakingOff(wait), { headers: { 'Content-Type': 'application/json' } });
  }
}

/** By then the beginning is on its way: an answer that breaks off before that would be none. */
const BEGUN_MS = 100;

/** Begins, and then the connection is gone. */
function breakingOff(wait: SandboxDeps['wait']): ReadableStream<Uint8Array> {
  let begun = false;
  return new ReadableStream({
    async pull(controller) {
      if (!begun) controller.enqueue(new TextEncoder().encode('{"data": ['));
      else {
        await wait(BEGUN_MS);
        controller.error(new Error('the sandbox was asked for a reset'));
      }
      begun = true;
    },
  });
}

const MAX_SENT_BYTES = 64 * 1024;

/** The request's body, if it is JSON and small enough to be looked at. */
async function sentJson({ headers, body }: Request): Promise<unknown> {
  if (!body || !/[/+]json\b/i.test(headers.get('content-type') ?? '')) return undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_SENT_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(await new Blob(chunks).text());
  } catch {
    return undefined;
  }
}
