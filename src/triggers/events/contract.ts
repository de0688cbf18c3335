import * as z from 'zod';
import { EVENT_FIELDS, EVENT_NAMES, type FieldKind, REGISTRIES } from '../../chain/events.ts';
import { operation } from '../../http/operation.ts';
import { pageOf, pageQuery, timestamp } from '../../http/shapes.ts';
import { POSITION } from './stream/position.ts';

/** Fields that only some kinds of event have: absent where they do not apply. */
const PLACE = [
  'event_type',
  'chain_id',
  'registry',
  'block_number',
  'block_hash',
  'transaction_hash',
  'log_index',
  'timestamp',
];
const NUMERIC = ['value_decimals', 'response'];

/** The bound of decoded texts; see chain/decode.ts. */
const CUT = 'Cut off at 16 KiB of UTF-8 as JSON writes it';

const ownField = (name: string, kind: FieldKind) => {
  if (name === 'agent_id') return z.union([z.int(), z.string()]).meta({ description: 'Decimal text above 2^53 − 1' });
  if (NUMERIC.includes(name)) return z.int();
  return kind === 'text' ? z.string().meta({ description: CUT }) : z.string();
};

const ownFields = Object.fromEntries(
  Object.entries(EVENT_FIELDS)
    .filter(([name]) => !PLACE.includes(name))
    .map(([name, kind]) => [name, ownField(name, kind).nullable().optional()]),
);

export const event = z
  .object({
    id: z.string(),
    event_type: z.string(),
    chain_id: z.int(),
    registry: z.enum(REGISTRIES),
    block_number: z.int(),
    block_hash: z.string(),
    transaction_hash: z.string(),
    log_index: z.int(),
    timestamp,
    status: z.enum(['observed', 'confirmed', 'reorged']),
    ...ownFields,
  })
  .meta({ id: 'Event' });

export type EventWire = z.input<typeof event>;

/** A uint256 in decimal; leading zeros name the same agent. */
const agentId = z
  .string()
  .regex(/^\d{1,78}$/, 'must be a whole number')
  .transform((text) => BigInt(text).toString());

const filters = z.object({
  chain_id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  registry: z.enum(REGISTRIES).optional(),
  event_type: z
    .string()
    .max(100)
    .optional()
    .meta({ description: `One of ${EVENT_NAMES.join(', ')}` }),
  agent_id: agentId.optional(),
  status: z.enum(['observed', 'confirmed', 'reorged']).optional(),
});

export const listEvents = operation({
  id: 'listEvents',
  method: 'get',
  path: '/api/v1/events',
  tag: 'Events',
  summary: 'List chain events',
  description: 'Newest first. Events whose block was reorganized away are listed only when asked for by `status`.',
  security: { kind: 'open', permission: 'events:read' },
  cost: 1,
  query: pageQuery.extend(filters.shape),
  success: { status: 200, description: 'A page of events', schema: pageOf(event) },
});

const lastEventId = z
  .string()
  .regex(POSITION, 'must be the id of a message of this stream')
  .meta({ examples: ['8453:1207'] });

export const streamEvents = operation({
  id: 'streamEvents',
  method: 'get',
  path: '/api/v1/events/stream',
  tag: 'Events',
  summary: 'Be told of chain events as they happen',
  description:
    'Server-sent events. A message is an `event` that was seen, its `confirm` at the chain’s depth, or its `retract` when its block has gone. With the id of the last message a stream goes on after it, without loss. It ends after 15 minutes at most; `EventSource` comes back by itself. Without `chain_id`: of every watched chain. A caller has at most 5 at a time.',
  security: { kind: 'open', permission: 'events:read' },
  cost: 1,
  query: filters.extend({
    last_event_id: lastEventId.optional().meta({ description: 'For clients that cannot send `Last-Event-ID`' }),
  }),
  headers: z.object({
    'last-event-id': lastEventId.optional().meta({ description: 'The id of the last message that was received' }),
  }),
  success: { status: 200, description: 'Messages until either side ends it', messages: event },
  errors: ['RATE_LIMITED'],
});

export const operations = [listEvents, streamEvents];
