import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, timestamp, uuid } from '../../http/shapes.ts';
import { channelName } from './messages.ts';
import { TICKET_SECONDS } from './tickets.ts';

const organizationId = uuid.optional().meta({ description: 'Default: the personal organization; for a key, its own' });

export const createTicket = operation({
  id: 'createWebSocketTicket',
  method: 'post',
  path: '/api/v1/ws/tickets',
  tag: 'Channels',
  summary: 'Get a ticket for a WebSocket',
  description:
    'For browsers, which cannot send a credential with a WebSocket: the ticket opens one socket at `/ws/{client_id}`, once, ' +
    `within ${TICKET_SECONDS} seconds, as the sub-protocol \`weir.ticket.<ticket>\` beside \`weir.v1\`.`,
  security: { kind: 'organization', permission: 'gateway:read' },
  cost: 1,
  body: z.strictObject({ organization_id: organizationId }),
  bodyOptional: true,
  withoutEffect: true,
  success: {
    status: 201,
    description: 'A ticket',
    schema: dataOf(
      z.object({ ticket: z.string(), protocols: z.array(z.string()), expires_at: timestamp }).meta({
        id: 'WebSocketTicket',
      }),
    ),
  },
});

/** Bytes of JSON, so that what is published over HTTP is not larger than what a socket may send. */
const MAX_DATA_BYTES = 60 * 1024;

export const publishMessage = operation({
  id: 'publishMessage',
  method: 'post',
  path: '/api/v1/channels/{channel}/messages',
  tag: 'Channels',
  summary: 'Publish to a channel',
  description:
    'Reaches every socket that is subscribed at this moment, at most once; nothing is kept for later. A test key reaches ' +
    'the sockets of test keys alone.',
  security: { kind: 'organization', permission: 'gateway:write' },
  cost: 1,
  params: z.object({ channel: channelName }),
  body: z.strictObject({
    organization_id: organizationId,
    data: z
      .json()
      .refine(
        (data) => new TextEncoder().encode(JSON.stringify(data)).length <= MAX_DATA_BYTES,
        'must be at most 60 KiB',
      )
      .meta({ description: 'Any JSON value, at most 60 KiB' }),
  }),
  success: {
    status: 200,
    description: 'It was published',
    schema: dataOf(
      z.object({ message_id: z.string(), channel: z.string(), recipients: z.int() }).meta({ id: 'PublishedMessage' }),
    ),
  },
});

const figures = z.object({ connections: z.int(), channels: z.int() });

export const getStatus = operation({
  id: 'getWebSocketStatus',
  method: 'get',
  path: '/ws/status',
  tag: 'Channels',
  summary: 'How many WebSockets are open',
  description: 'Of the public entry, and of the organization of the credential, if one is sent.',
  security: { kind: 'open', permission: 'gateway:read' },
  cost: 0,
  success: {
    status: 200,
    description: 'The counts',
    schema: z
      .object({
        status: z.literal('ok'),
        public: z.object({ connections: z.int() }),
        organization: figures.nullable(),
        limits: z.record(z.string(), z.int()),
      })
      .meta({ id: 'WebSocketStatus' }),
  },
});

export const operations = [createTicket, publishMessage, getStatus];
