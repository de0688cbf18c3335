import { SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { type CallRecord, type LostRecords, MAX_RECORDS, type RecordsMessage } from './record.ts';

export interface GathererDeps {
  log: Logger;
  newId(): string;
  /** Puts a message on the queue. */
  send(message: RecordsMessage): Promise<void>;
  wait(ms: number): Promise<unknown>;
  /** Has the platform wait for what goes on after the answer. */
  background(task: Promise<unknown>): void;
}

export interface Records {
  /** Takes a record, at the moment at which its call was answered. Never throws, never waits. */
  note(record: CallRecord): void;
  /** The data centre in which the isolate runs, by its IATA code. */
  coloOf(request: Request): string | null;
}

/** Records that an isolate keeps, those on their way to the queue included. */
export const MAX_WAITING = 2_000;

/**
 * Bytes of path patterns in a message, which are all that can be long of a record: a hundred of the largest otherwise take
 * 100,000, and a message may have 128,000. https://developers.cloudflare.com/queues/platform/limits/
 */
const MAX_ROUTE_BYTES = 20_000;

/** Of a character of UTF-16 in UTF-8, at most. */
const BYTES_A_CHARACTER = 3;

/** How long a record waits for others. */
export const GATHER_MS = SECOND;

/** A round that has not ended by then ended with the request that it belonged to: the platform gives it 30 s. */
const ROUND_MS = 30 * SECOND;

/** Organizations whose losses are counted apart. */
const MAX_LOSERS = 100;

/** A message that the queue has not taken yet, and since when it is being sent. */
interface Parcel {
  message: RecordsMessage;
  sentAt: number | undefined;
}

/**
 * Gathers what an isolate served into messages. A message that the queue refuses is sent again as it is, with the next
 * one; what is beyond the bound by then is counted, and the next message tells it. So what is stored and what is told as
 * lost add up to what was served, short of an isolate that the platform ends with records in it.
 */
export function createRecords(deps: GathererDeps): Records {
  const { background, wait } = deps;
  const outbox = new Set<Parcel>();
  let waiting: CallRecord[] = [];
  let routeBytes = 0;
  let held = 0;
  let lost = new Map<string | null, number>();
  let roundAt: number | undefined;
  let colo: string | null | undefined;

  function lose({ organizationId }: CallRecord) {
    const owner = lost.has(organizationId) || lost.size < MAX_LOSERS ? organizationId : null;
    lost.set(owner, (lost.get(owner) ?? 0) + 1);
  }

  function pack(now: number): Parcel {
    const told: LostRecords[] = [...lost].map(([organizationId, records]) => ({ organizationId, records }));
    const parcel = { message: { id: deps.newId(), at: now, records: waiting, lost: told }, sentAt: undefined };
    if (told.length > 0) {
      deps.log.warn('request_log.lost', { records: told.reduce((sum, { records }) => sum + records, 0) });
    }
    waiting = [];
    routeBytes = 0;
    lost = new Map();
    outbox.add(parcel);
    return parcel;
  }

  async function ship(parcel: Parcel, now: number): Promise<void> {
    parcel.sentAt = now;
    try {
      await deps.send(parcel.message);
      if (outbox.delete(parcel)) held -= parcel.message.records.length;
    } catch (error) {
      parcel.sentAt = undefined;
      deps.log.warn('request_log.not_sent', { error: describeError(error) });
    }
  }

  async function round(startedAt: number): Promise<void> {
    await wait(GATHER_MS);
    roundAt = undefined;
    const now = startedAt + GATHER_MS;
    if (waiting.length > 0 || lost.size > 0) pack(now);
    const due = [...outbox].filter(({ sentAt }) => sentAt === undefined || now - sentAt > ROUND_MS);
    await Promise.all(due.map((parcel) => ship(parcel, now)));
  }

  return {
    coloOf(request) {
      // An isolate stays where it is, and reading it has the platform parse all that it tells of the request.
      if (colo === undefined) {
        const told = request.cf?.['colo'];
        colo = typeof told === 'string' && told.length === 3 ? told : null;
      }
      return colo;
    },
    note(record) {
      const now = record.at + record.durationMs;
      if (held < MAX_WAITING) {
        held += 1;
        waiting.push(record);
        routeBytes += BYTES_A_CHARACTER * (record.route?.length ?? 0);
        if (waiting.length === MAX_RECORDS || routeBytes > MAX_ROUTE_BYTES) background(ship(pack(now), now));
      } else lose(record);
      if (roundAt !== undefined && now - roundAt < ROUND_MS) return;
      if (waiting.length === 0 && lost.size === 0 && outbox.size === 0) return;
      roundAt = now;
      background(round(now));
    },
  };
}
