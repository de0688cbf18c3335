import type * as z from 'zod';
import { type Ctx, permitCaller } from '../../access/ctx.ts';
import { CHAINS, chainById } from '../../chain/chains.ts';
import { canonicalEventType, EVENT_NAMES } from '../../chain/events.ts';
import { invalidField } from '../../kernel/errors.ts';
import { toPage } from '../../kernel/page.ts';
import { eventPayload } from '../actions/event-payload.ts';
import type { listEvents as contract, event } from './contract.ts';
import * as store from './store.ts';

type EventQuery = z.output<typeof contract.query>;
type EventWire = z.input<typeof event>;

/** Public data: anyone may read it, but a key only with that scope. */
export async function listEvents(ctx: Ctx, query: EventQuery) {
  permitCaller(ctx, 'events:read');
  const meaning = query.event_type === undefined ? undefined : canonicalEventType(query.event_type);
  if (query.event_type !== undefined && !meaning) {
    throw invalidField('event_type', `must be one of ${EVENT_NAMES.join(', ')}`);
  }
  if (query.chain_id !== undefined && !chainById(query.chain_id)) {
    throw invalidField('chain_id', `must be one of ${CHAINS.map(({ id, name }) => `${id} (${name})`).join(', ')}`);
  }
  const filter: store.EventFilter = {
    chainId: query.chain_id,
    registry: query.registry,
    eventType: meaning?.eventType,
    to: meaning?.onlyTo,
    agentId: query.agent_id,
    status: query.status,
  };
  const { rows, total } = await store.listEvents(ctx.db.query, filter, query);
  return toPage(
    rows.map((row) => eventPayload(row) as EventWire),
    total,
    query,
  );
}
