import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { openSecrets } from '../../../scripts/stack/secrets.ts';

/** What a stack's database holds in the end. */
export interface Recorded {
  fires: { trigger: string; transaction: string; groupKey: string; kind: string }[];
  deliveries: {
    id: string;
    url: string;
    transaction: string;
    status: string;
    /** Of its attempts, in their order. */
    outcomes: string[];
  }[];
}

const PAUSE_MS = 500;

async function ask<Row extends pg.QueryResultRow>(dataDir: string, port: number, text: string): Promise<Row[]> {
  const { postgresPassword: password } = await openSecrets(dataDir);
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'weir', database: 'weir', password });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const STANDING = `select
  (select count(*)::int from chain_events where status = 'confirmed') as confirmed,
  (select max(seq) from chain_feed) = (select max(seq) from matcher_cursors) as matched,
  (select count(*)::int from deliveries where status in ('pending', 'in_flight')) as unsettled`;

interface Standing {
  confirmed: number;
  matched: boolean;
  unsettled: number;
}

/**
 * Waits until all events are confirmed, matched and delivered, then reads what was recorded.
 * @throws Error telling how far it came when that takes longer than the time given
 */
export async function settledRecord(
  { dataDir, ports }: { dataDir: string; ports: { PG_PORT: number } },
  { events, withinMs }: { events: number; withinMs: number },
): Promise<Recorded> {
  const query = <Row extends pg.QueryResultRow>(text: string) => ask<Row>(dataDir, ports.PG_PORT, text);
  let last: Standing | undefined;
  for (const end = Date.now() + withinMs; Date.now() < end; await delay(PAUSE_MS)) {
    [last] = await query<Standing & pg.QueryResultRow>(STANDING);
    if (last?.confirmed === events && last.matched && last.unsettled === 0) {
      return { fires: await query(FIRES), deliveries: await query(DELIVERIES) };
    }
  }
  throw new Error(`not settled within ${withinMs / 1_000} s: ${JSON.stringify(last)}`);
}

const FIRES = `select triggers.name as trigger, transaction_hash as transaction, group_key as "groupKey", kind
  from trigger_matches join triggers on triggers.id = trigger_id join chain_events on chain_events.id = event_id
  order by block_number, log_index, trigger, group_key`;

const DELIVERIES = `select deliveries.id, config->>'url' as url, transaction_hash as transaction, deliveries.status,
    array(select outcome from delivery_attempts where delivery_id = deliveries.id order by attempt) as outcomes
  from deliveries join trigger_actions on trigger_actions.id = action_id
    join trigger_matches on trigger_matches.id = match_id join chain_events on chain_events.id = event_id`;
