import { sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { RecordsMessage } from '../../gateway/index.ts';
import { requestLogLosses, requestLogs } from './table.ts';

/**
 * Puts messages on record. One that was put there before, or is being put there at the same moment, changes nothing: rows are
 * written in the order of their key, so that whoever comes second waits and finds them.
 */
export async function storeRecords(db: Executor, messages: readonly RecordsMessage[]): Promise<void> {
  const rows = messages.flatMap(({ id, records }) =>
    records.map((record, position) => ({ ...record, messageId: id, position })),
  );
  if (rows.length > 0) await insertRecords(db, JSON.stringify(rows));
  const losses = messages.flatMap(({ id, at, lost }) => lost.map((loss) => ({ ...loss, messageId: id, at })));
  if (losses.length > 0) await insertLosses(db, JSON.stringify(losses));
}

/** As one JSON parameter: a batch has more values than a statement takes parameters. */
async function insertRecords(db: Executor, rows: string): Promise<void> {
  await db.execute(sql`
    insert into ${requestLogs} (
      organization_id, at, message_id, position, request_id, api, version, endpoint_id, route, method, status, error,
      cost, caller, key_id, is_test, upstream_id, cache, attempts, duration_ms, waiting_ms, upstream_ms,
      request_bytes, response_bytes, colo, country)
    select "organizationId", timestamptz 'epoch' + r.at * interval '1 millisecond', "messageId", position, "requestId",
      api, version, "endpointId", route, method, status, error, cost, caller, "keyId",
      coalesce(environment = 'test', false), "upstreamId", cache, attempts, "durationMs", "waitingMs", "upstreamMs",
      "requestBytes", "responseBytes", colo, country
    from json_to_recordset(${rows}::json) as r(
      "organizationId" uuid, at bigint, "messageId" uuid, position smallint, "requestId" text, api text, version text,
      "endpointId" text, route text, method text, status smallint, error text, cost integer, caller text, "keyId" text,
      environment text, "upstreamId" text, cache text, attempts smallint, "durationMs" integer, "waitingMs" integer,
      "upstreamMs" integer, "requestBytes" bigint, "responseBytes" bigint, colo text, country text)
    order by 1, 2, 3, 4
    on conflict do nothing`);
}

async function insertLosses(db: Executor, rows: string): Promise<void> {
  await db.execute(sql`
    insert into ${requestLogLosses} (message_id, organization_id, at, records)
    select "messageId", "organizationId", timestamptz 'epoch' + l.at * interval '1 millisecond', records
    from json_to_recordset(${rows}::json) as l("messageId" uuid, "organizationId" uuid, at bigint, records integer)
    order by 1, 2
    on conflict do nothing`);
}
