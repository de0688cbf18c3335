import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkHistories } from './model/property.ts';

/** The slow suites ask for more. */
const RUNS = Number(process.env['QUOTA_RUNS'] ?? 1_500);

it('never grants more than the limit, loses nothing unaccounted and revokes in time, whatever happens on the way', () => {
  const details = checkHistories({ numRuns: RUNS });
  expect(details.failed, `${details.errorInstance}\n${fc.defaultReportMessage(details)}`).toBe(false);
});
