import { type EventRow, eventPayload } from '../../actions/event-payload.ts';
import { type FeedOperation, STATUS_AFTER } from '../../ingest/table.ts';
import type { EventFilter } from '../store.ts';
import { formatPosition, type Position } from './position.ts';

/** One entry of a chain's feed: something happened to an event. */
export interface FeedItem {
  chainId: number;
  seq: number;
  operation: FeedOperation;
  event: EventRow;
}

/** Whether somebody who asked for these events wants to be told. `status` means the one that the entry leads to. */
export function accepts(filter: EventFilter, { operation, event }: FeedItem): boolean {
  const is = (wanted: unknown, value: unknown) => wanted === undefined || wanted === value;
  return (
    is(filter.chainId, event.chainId) &&
    is(filter.registry, event.registry) &&
    is(filter.eventType, event.eventType) &&
    is(filter.agentId, event.agentId) &&
    is(filter.to, event.fields['to']) &&
    is(filter.status, STATUS_AFTER[operation])
  );
}

/**
 * The event as the entry left it. Its row may have moved on since, and somebody who reads the past is to see the same as
 * who was there.
 */
export const itemData = ({ operation, event }: FeedItem): string =>
  JSON.stringify({ ...eventPayload(event), status: STATUS_AFTER[operation] });

/** Server-sent events as WHATWG HTML §9.2.5 writes them. JSON has no line breaks, so one `data` line holds it. */
export const itemMessage = (position: Position, { operation }: FeedItem, data: string): string =>
  `id: ${formatPosition(position)}\nevent: ${operation}\ndata: ${data}\n\n`;

/**
 * A block without data dispatches nothing but still sets the last event id (§9.2.6), so that who filters much, or is cut
 * off before the first event, does not have to be told the whole past when it comes back.
 */
const marker = (position: Position) => `id: ${formatPosition(position)}\n\n`;

export const opening = (position: Position, retryMs: number): string =>
  `: opened\nretry: ${retryMs}\n${marker(position)}`;

export const heartbeat = (position: Position): string => `: still here\n${marker(position)}`;
