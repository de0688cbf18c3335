import type { CallRecord } from '../../../src/gateway/index.ts';

export const ORGANIZATION = '01920000-0000-7000-8000-000000000001';

export const record = (fields: Partial<CallRecord> = {}): CallRecord => ({
  at: Date.UTC(2026, 3, 12, 10),
  organizationId: ORGANIZATION,
  requestId: 'r-1',
  ...{ api: 'orders', version: 'v1', endpointId: 'list', route: '/orders', method: 'GET', status: 200, error: null },
  ...{ cost: 1, caller: 'key', keyId: 'key_1', environment: 'live', upstreamId: 'up-1', cache: 'miss', attempts: 1 },
  ...{
    durationMs: 40,
    waitingMs: 5,
    upstreamMs: 30,
    requestBytes: null,
    responseBytes: 17,
    colo: 'FRA',
    country: 'DE',
  },
  ...fields,
});
