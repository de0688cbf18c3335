import type * as z from 'zod';
import { type Ctx, permitCaller } from '../../access/ctx.ts';
import { principalName } from '../../access/principal.ts';
import { CHAINS, chainById } from '../../chain/chains.ts';
import { canonicalEventType, EVENT_NAMES } from '../../chain/events.ts';
import { networkOf } from '../../http/address.ts';
import { later, SECOND } from '../../kernel/clock.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { toPage } from '../../kernel/page.ts';
import { eventPayload } from '../actions/event-payload.ts';
import type { EventWire, listEvents as listContract, streamEvents as streamContract } from './contract.ts';
import * as store from './store.ts';
import { MAX_AGE_MS, MAX_LISTENERS, MAX_PER_CALLER } from './stream/hub.ts';
import type { Opened, OpenRequest } from './stream/object.ts';
import { parsePosition } from './stream/position.ts';

type StreamQuery = z.output<typeof streamContract.query>;
type Filters = Omit<StreamQuery, 'last_event_id'>;

/** Public data: anyone may read it, but a key only with that scope. */
export async function listEvents(ctx: Ctx, query: z.output<typeof listContract.query>) {
  permitCaller(ctx, 'events:read');
  const { rows, total } = await store.listEvents(ctx.db.query, filterOf(query), query);
  return toPage(
    rows.map((row) => eventPayload(row) as EventWire),
    total,
    query,
  );
}

/** @throws AppError `validation_failed` for a name or chain that is not known */
function filterOf(query: Filters): store.EventFilter {
  const meaning = query.event_type === undefined ? undefined : canonicalEventType(query.event_type);
  if (query.event_type !== undefined && !meaning) {
    throw invalidField('event_type', `must be one of ${EVENT_NAMES.join(', ')}`);
  }
  if (query.chain_id !== undefined && !chainById(query.chain_id)) {
    throw invalidField('chain_id', `must be one of ${CHAINS.map(({ id, name }) => `${id} (${name})`).join(', ')}`);
  }
  return {
    chainId: query.chain_id,
    registry: query.registry,
    eventType: meaning?.eventType,
    to: meaning?.onlyTo,
    agentId: query.agent_id,
    status: query.status,
  };
}

export interface StreamDeps {
  /** The ids of the watched chains. */
  watchedChains: readonly number[];
  openEventStream(request: OpenRequest): Promise<Opened>;
}

const RETRY_AFTER_SECONDS = 10;

/**
 * What happens to events from now on, or from where the caller was cut off. The header field is the browser's own word on
 * a connection that it renews, so it comes before the address, which stays what it was.
 * @throws AppError `RATE_LIMITED` when there is no room for another stream, or the caller has as many as it may
 */
export async function streamEvents(ctx: Ctx, deps: StreamDeps, query: StreamQuery, lastEventId: string | undefined) {
  permitCaller(ctx, 'events:read');
  const filter = filterOf(query);
  const resume = lastEventId ?? query.last_event_id;
  const opened = await deps.openEventStream({
    caller: callerOf(ctx),
    chainIds: query.chain_id === undefined ? [...deps.watchedChains] : [query.chain_id],
    filter,
    resumeAt: resume === undefined ? undefined : [...parsePosition(resume)],
  });
  if ('stream' in opened) return opened.stream;
  if (opened.refused === 'behind') {
    throw invalidField('last_event_id', 'is too long ago to go on from; read /api/v1/events and begin anew');
  }
  throw noRoom(opened.refused, ctx.clock());
}

/** Who has no credential is told apart by the address, as quotas do. */
const callerOf = ({ principal, address }: Ctx) =>
  principal.kind === 'anonymous' ? `address:${networkOf(address)}` : principalName(principal);

/** A 429 and no 503: the caller pays for having asked, so that asking again and again is not free. */
function noRoom(refused: 'full' | 'many', now: Date): AppError {
  const resetAt = later(now, RETRY_AFTER_SECONDS * SECOND).getTime();
  const times = { retryAfter: RETRY_AFTER_SECONDS, window: MAX_AGE_MS / SECOND, resetAt };
  if (refused === 'full') {
    const rateLimit = { ...times, limit: MAX_LISTENERS };
    return new AppError('RATE_LIMITED', 'There is no room for another stream at the moment', { rateLimit });
  }
  const rateLimit = { ...times, limit: MAX_PER_CALLER };
  return new AppError('RATE_LIMITED', `A caller may have ${MAX_PER_CALLER} streams at a time; close one first`, {
    rateLimit,
  });
}
