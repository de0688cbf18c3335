import type * as z from 'zod';
import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { DAY, later } from '../../kernel/clock.ts';
import { invalidField } from '../../kernel/errors.ts';
import { type listRequests as listContract, MAX_RANGE } from './contract.ts';
import { type Cursor, readCursor, writeCursor } from './cursor.ts';
import { countLost, findRequests, type Range, type RequestRow } from './store.ts';

type Query = z.output<typeof listContract.query>;

export async function listRequests(ctx: OrganizationCtx, query: Query) {
  permit(ctx, 'analytics:read');
  const after = query.cursor === undefined ? undefined : cursorIn(query.cursor);
  const range = after ?? rangeOf(query, ctx.clock());
  if (range.from >= range.to) throw invalidField('from', 'must be before to');
  if (later(range.from, MAX_RANGE * DAY) < range.to) {
    throw invalidField('from', `must be at most ${MAX_RANGE} days before to`);
  }
  const filter = {
    ...{ from: range.from, to: range.to, after, api: query.api, version: query.version, endpointId: query.endpoint },
    ...{ keyId: query.key_id, status: query.status === undefined ? undefined : statusesOf(query.status) },
    ...{ method: query.method, cache: query.cache, minDurationMs: query.min_duration_ms },
  };
  const { limit } = query;
  const [found, lost] = await Promise.all([
    findRequests(ctx.db.query, ctx.organizationId, filter, limit + 1),
    countLost(ctx.db.query, ctx.organizationId, range),
  ]);
  const rows = found.slice(0, limit);
  const last = found.length > limit ? rows.at(-1) : undefined;
  return {
    data: rows.map(toWire),
    range: { from: range.from.toISOString(), to: range.to.toISOString() },
    lost,
    pagination: {
      limit,
      has_more: last !== undefined,
      next_cursor: last ? writeCursor({ ...last, from: range.from, to: range.to }) : null,
    },
  };
}

function cursorIn(text: string): Cursor {
  const cursor = readCursor(text);
  if (!cursor) throw invalidField('cursor', 'must be the next_cursor of a page before');
  return cursor;
}

const rangeOf = ({ from, to }: Query, now: Date): Range => {
  const end = to ?? now;
  return { from: from ?? later(end, -DAY), to: end };
};

/** `404` is that one alone, `4xx` all from 400 up to 500. */
const statusesOf = (text: string): readonly [number, number] => {
  const first = Number(text.replace('xx', '00'));
  return [first, first + (text.endsWith('xx') ? 100 : 1)];
};

const toWire = (row: RequestRow) => ({
  request_id: row.requestId,
  at: row.at.toISOString(),
  api: row.api,
  version: row.version,
  endpoint: row.endpointId,
  route: row.route,
  method: row.method,
  status: row.status,
  error: row.error,
  cost: row.cost,
  caller: row.caller,
  key_id: row.keyId,
  test: row.isTest,
  upstream: row.upstreamId,
  cache: row.cache,
  attempts: row.attempts,
  duration_ms: row.durationMs,
  waiting_ms: row.waitingMs,
  upstream_ms: row.upstreamMs,
  request_bytes: row.requestBytes,
  response_bytes: row.responseBytes,
  colo: row.colo,
  country: row.country,
});
