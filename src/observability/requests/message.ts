import * as z from 'zod';
import { CACHE_OUTCOMES, MAX_RECORDS, type RecordsMessage } from '../../gateway/index.ts';
import { ERRORS, type ErrorCode } from '../../kernel/errors.ts';

const text = z.string().max(300).nullable();
const count = z.int().min(0);
/** PostgreSQL's `integer`, which lengths of time are kept in. */
const milliseconds = z.int().min(0).max(2_147_483_647);
/** The years that PostgreSQL and JavaScript agree on. */
const moment = z.int().min(0).max(253_402_300_799_999);

const record = z.object({
  at: moment,
  organizationId: z.uuid(),
  requestId: z.string().max(128),
  api: text,
  version: text,
  endpointId: text,
  route: z.string().max(500).nullable(),
  method: z.string().max(300),
  status: z.int().min(100).max(999),
  error: z.enum(Object.keys(ERRORS) as ErrorCode[]).nullable(),
  cost: milliseconds,
  caller: z.enum(['key', 'user', 'wallet', 'anonymous']).nullable(),
  keyId: text,
  environment: z.enum(['live', 'test']).nullable(),
  upstreamId: text,
  cache: z.enum(CACHE_OUTCOMES).nullable(),
  attempts: z.int().min(0).max(1_000),
  durationMs: milliseconds,
  waitingMs: milliseconds.nullable(),
  upstreamMs: milliseconds.nullable(),
  requestBytes: count.nullable(),
  responseBytes: count.nullable(),
  colo: text,
  country: text,
});

/** What the gateway of this release, and of the one before while both run, puts on the queue. */
export const recordsMessage: z.ZodType<RecordsMessage> = z.object({
  id: z.uuid(),
  at: moment,
  records: z.array(record).max(MAX_RECORDS),
  lost: z.array(z.object({ organizationId: z.uuid().nullable(), records: milliseconds })).max(MAX_RECORDS + 1),
});
