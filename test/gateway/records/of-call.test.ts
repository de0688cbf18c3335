import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/gateway/call.ts';
import type { CallRecord, RecordsMessage } from '../../../src/gateway/index.ts';
import { createRecords } from '../../../src/gateway/records/gatherer.ts';
import { recordOf } from '../../../src/gateway/records/of-call.ts';
import { recordsMessage } from '../../../src/observability/requests/message.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { ORGANIZATION } from './record.ts';

const START = Date.UTC(2026, 3, 12, 10);

/** What the record is made from; the rest of a call has no part in it. */
function callOf(fields: Partial<Call>, request = new Request('https://weir.test/api/v1/orders/7?token=hunter2')): Call {
  return {
    ...{ request, headers: request.headers, requestId: 'r-1', startedAt: START, organizationId: ORGANIZATION },
    ...fields,
  } as Call;
}

/** A call that was let through; names of parts that the record reads. */
const routed = (names: { api?: string; route?: string; endpoint?: string; version?: string } = {}) => {
  const { api = 'orders', route = '/orders/{id}', endpoint = 'get-order', version = 'v1' } = names;
  const routing = {
    ...{ kind: 'routed', api: { slug: api }, version: { name: version }, endpoint: { id: endpoint, path: route } },
    plan: { policy: { cost: 3 } },
  };
  return { routing, routed: routing } as unknown as Pick<Call, 'routing' | 'routed'>;
};

const ENDED = { now: START, colo: 'FRA', isGivenBack: false };

const KEY = { kind: 'key', keyId: 'key_1', userId: null, environment: 'live' } as const;

describe('the record of a call', () => {
  it('tells where it led, who made it and how long it took, and nothing that was sent', () => {
    const headers = { 'Content-Length': '5', Authorization: 'Bearer hunter2', 'CF-IPCountry': 'DE' };
    const request = new Request('https://weir.test/api/v1/orders/7?token=hunter2', {
      ...{ method: 'POST', headers, body: 'hello' },
    });
    const call = callOf(
      {
        ...{ ...routed(), caller: KEY, admittedAt: START + 4, cacheStatus: 'weir; fwd=method' },
        upstream: { id: 'up-1', attempts: 2, durationMs: 30 },
      },
      request,
    );
    const answer = new Response('{"secret":"hunter2"}', { status: 201, headers: { 'Content-Length': '20' } });
    const record = recordOf(call, answer, { ...ENDED, now: START + 41 });
    expect(record).toEqual({
      ...{ at: START, organizationId: ORGANIZATION, requestId: 'r-1', api: 'orders', version: 'v1' },
      ...{ endpointId: 'get-order', route: '/orders/{id}', method: 'POST', status: 201, error: null, cost: 3 },
      ...{ caller: 'key', keyId: 'key_1', environment: 'live', upstreamId: 'up-1', cache: 'bypass', attempts: 2 },
      ...{ durationMs: 41, waitingMs: 4, upstreamMs: 30, requestBytes: 5, responseBytes: 20 },
      ...{ colo: 'FRA', country: 'DE' },
    });
    expect(JSON.stringify(record)).not.toContain('hunter2');
  });

  it('costs nothing when the units are given back', () => {
    const call = callOf({ ...routed(), caller: KEY, error: 'gateway_timeout' });
    const record = recordOf(call, new Response(null, { status: 504 }), { ...ENDED, isGivenBack: true });
    expect(record).toMatchObject({ cost: 0, status: 504, error: 'gateway_timeout', attempts: 0, upstreamMs: null });
  });

  it('of a refused call names the API and who asked, if that is known', () => {
    const { routing } = routed();
    const call = callOf({ routing, error: 'RATE_LIMITED' });
    const record = recordOf(call, new Response(null, { status: 429 }), ENDED);
    expect(record).toMatchObject({ api: 'orders', version: 'v1', caller: null, keyId: null, cost: 0, waitingMs: null });
    const known = recordOf({ ...call, asker: KEY }, new Response(null, { status: 429 }), ENDED);
    expect(known).toEqual({ ...record, caller: 'key', keyId: 'key_1', environment: 'live' });
  });

  it('of a call for no API names none, and there is none of a call for no organization', () => {
    const unknown = callOf({ routing: { kind: 'unknown_api' }, error: 'not_found' });
    expect(recordOf(unknown, new Response(null, { status: 404 }), ENDED)).toMatchObject({ api: null });
    expect(recordOf(callOf({ organizationId: undefined }), new Response(), ENDED)).toBeUndefined();
  });

  it('is so small that a message of the largest, with all the losses that are told, is one that the queue takes', async () => {
    const names = {
      api: 'a'.repeat(63),
      route: '\u{ffff}'.repeat(500),
      endpoint: 'e'.repeat(63),
      version: 'v'.repeat(63),
    };
    const headers = { 'Content-Length': String(Number.MAX_SAFE_INTEGER) };
    const request = new Request('https://weir.test/', { method: 'M'.repeat(1_000) });
    const largest = (route: string): CallRecord => {
      const call = callOf(
        {
          ...{ ...routed({ ...names, route }), caller: { ...KEY, keyId: `key_${'f'.repeat(32)}` } },
          ...{ upstream: { id: 'u'.repeat(63), attempts: 9, durationMs: 99_999 }, admittedAt: START + 99_999 },
          ...{ cacheStatus: 'weir; fwd=stale; fwd-status=304', error: 'header_fields_too_large' as const },
          requestId: 'r'.repeat(128),
        },
        request,
      );
      const record = recordOf(call, new Response(null, { headers }), { ...ENDED, now: START + 99_999 });
      if (!record) throw new Error('there is a record');
      return { ...record, requestBytes: Number.MAX_SAFE_INTEGER, country: 'DE' };
    };
    const sent: RecordsMessage[] = [];
    const records = createRecords({
      log: createLogger({ info: () => undefined, warn: () => undefined, error: () => undefined }),
      newId: () => ORGANIZATION,
      send: async (message) => void sent.push(message),
      wait: () => new Promise(() => undefined),
      background: () => undefined,
    });
    for (let n = 0; n < 7 * 14; n += 1) records.note(largest(names.route));
    for (let n = 0; n < 100; n += 1) records.note(largest('r'.repeat(66)));
    expect(sent.map((message) => message.records.length)).toEqual([...Array(7).fill(14), 100]);
    for (const message of sent) {
      const full = {
        ...message,
        lost: Array.from({ length: 101 }, () => ({ organizationId: ORGANIZATION, records: 9_999 })),
      };
      expect(recordsMessage.safeParse(full).success).toBe(true);
      // https://developers.cloudflare.com/queues/platform/limits/: 128 KB a message.
      expect(new TextEncoder().encode(JSON.stringify(full)).length).toBeLessThanOrEqual(128_000);
    }
  });
});
