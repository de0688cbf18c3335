/** What other features may use of the gateway. */
export { CACHE_OUTCOMES } from './records/cache-outcome.ts';
export { type CallRecord, MAX_RECORDS, type RecordsMessage } from './records/record.ts';
