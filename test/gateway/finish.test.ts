import { describe, expect, it } from 'vitest';
import { givesBack } from '../../src/gateway/finish.ts';
import type { ErrorCode } from '../../src/kernel/errors.ts';

interface Fields {
  error?: ErrorCode;
  environment?: 'live' | 'test';
  asksCacheOnly?: boolean;
  isGone?: boolean;
  /** The upstream was asked. */
  isSent?: boolean;
}

function given(status: number, { error, environment = 'live', asksCacheOnly, isGone, isSent = true }: Fields = {}) {
  const headers = new Headers(asksCacheOnly ? { 'cache-control': 'max-age=5, only-if-cached' } : {});
  const signal = isGone ? AbortSignal.abort() : new AbortController().signal;
  const call = {
    ...{
      error,
      caller: { kind: 'key', keyId: 'k', userId: 'u', environment },
      headers,
      request: new Request('https://weir.test/', { signal }),
    },
    upstream: isSent ? { id: 'a', attempts: 1, durationMs: 1 } : undefined,
  };
  // Of the request no more than that is looked at.
  return givesBack(call as Parameters<typeof givesBack>[0], status);
}

describe('what a call was charged is given back', () => {
  it.each<[number, Fields]>([
    [401, {}],
    [500, { error: 'internal_error', isSent: false }],
    [502, { error: 'bad_gateway' }],
    [503, { error: 'service_unavailable', isSent: false }],
    [503, { error: 'service_unavailable', asksCacheOnly: true, isSent: false }],
    [504, { error: 'gateway_timeout' }],
    [504, { error: 'gateway_timeout', asksCacheOnly: true }],
    [503, {}],
    [508, {}],
    [501, { error: 'not_implemented', environment: 'test', isSent: false }],
    [500, { error: 'internal_error', environment: 'test', isSent: false }],
  ])('for %i with %j: the upstream’s fault, or ours.', (status, fields) => {
    expect(given(status, fields)).toBe(true);
  });

  it.each<[number, Fields]>([
    [200, {}],
    [404, {}],
    [429, { error: 'RATE_LIMITED' }],
    [508, { error: 'loop_detected', isSent: false }],
    [504, { asksCacheOnly: true, isSent: false }],
    [504, { error: 'gateway_timeout', asksCacheOnly: true, isSent: false }],
    [503, { error: 'service_unavailable', environment: 'test', isSent: false }],
    [504, { error: 'gateway_timeout', environment: 'test', isSent: false }],
    [500, { environment: 'test', isSent: false }],
    [401, { environment: 'test', isSent: false }],
    [502, { error: 'bad_gateway', isGone: true }],
  ])('not for %i with %j: the caller’s doing.', (status, fields) => {
    expect(given(status, fields)).toBe(false);
  });
});
