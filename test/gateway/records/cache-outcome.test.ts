import { expect, it } from 'vitest';
import { formatReport } from '../../../src/gateway/cache/cache-status.ts';
import { cacheOutcome } from '../../../src/gateway/records/cache-outcome.ts';

it.each([
  [{ hit: true, ttl: 30 }, 'hit'],
  [{ hit: true, ttl: -5 }, 'stale'],
  [{ fwd: 'stale', fwdStatus: 304, stored: true, ttl: 60 }, 'revalidated'],
  [{ fwd: 'stale', fwdStatus: 200, stored: true, ttl: 60 }, 'expired'],
  [{ fwd: 'stale', fwdStatus: 503, ttl: -20 }, 'stale'],
  [{ fwd: 'uri-miss', fwdStatus: 200, stored: true, ttl: 60 }, 'miss'],
  [{ fwd: 'vary-miss', fwdStatus: 200 }, 'miss'],
  [{ fwd: 'uri-miss', fwdStatus: 200, collapsed: true, ttl: 60 }, 'collapsed'],
  [{ fwd: 'bypass', detail: 'range' }, 'bypass'],
  [{ fwd: 'method' }, 'bypass'],
  [{ fwd: 'request' }, 'bypass'],
  [{ fwd: 'request', fwdStatus: 200, stored: true, ttl: 60 }, 'bypass'],
  [{ fwd: 'request', fwdStatus: 304, stored: true, ttl: 60 }, 'revalidated'],
  [{ fwd: 'request', fwdStatus: 503, ttl: 20, detail: 'stale-if-error' }, 'hit'],
] as const)('calls %j %s', (report, outcome) => {
  expect(cacheOutcome(formatReport(report))).toBe(outcome);
  expect(cacheOutcome(`Origin; hit, ${formatReport(report)}`)).toBe(outcome);
});

it('says nothing where the cache was not asked', () => {
  expect(cacheOutcome(null)).toBeNull();
  expect(cacheOutcome('Origin; hit')).toBeNull();
});
