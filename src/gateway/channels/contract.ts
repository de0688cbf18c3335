import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, timestamp, uuid } from '../../http/shapes.ts';
import { CLIENT_ID, channelName } from './messages.ts';
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

const OPENED = { status: 101, description: 'The WebSocket is open' } as const;

const NEEDS_UPGRADE = 'A WebSocket handshake (RFC 6455 §4.1); anything else is answered with 426.';

export const openPublicSocket = operation({
  id: 'openPublicSocket',
  method: 'get',
  path: '/ws',
  tag: 'Channels',
  summary: 'Open a WebSocket without a credential',
  description: `${NEEDS_UPGRADE} It is told how things are, and can neither subscribe nor publish.`,
  security: { kind: 'public' },
  cost: 0,
  success: OPENED,
  errors: ['upgrade_required', 'RATE_LIMITED', 'service_unavailable'],
});

const SOCKET = {
  method: 'get',
  tag: 'Channels',
  security: { kind: 'organization', permission: 'gateway:read' },
  cost: 1,
  query: z.object({ organization_id: organizationId }),
  success: OPENED,
  errors: ['upgrade_required', 'conflict', 'service_unavailable'],
} as const;

const WITH_TICKET = 'The credential comes in a header field, or as a ticket in the sub-protocols.';

export const openOwnSocket = operation({
  ...SOCKET,
  id: 'openOwnSocket',
  path: '/ws/auth',
  summary: 'Open a WebSocket under a client id that is made up',
  description: `${NEEDS_UPGRADE} ${WITH_TICKET}`,
});

const openSocket = operation({
  ...SOCKET,
  id: 'openSocket',
  path: '/ws/{client_id}',
  summary: 'Open a WebSocket to the channels of an organization',
  description: `${NEEDS_UPGRADE} ${WITH_TICKET}`,
  params: z.object({ client_id: z.string().regex(CLIENT_ID) }),
});

export const operations = [createTicket, publishMessage, getStatus, openPublicSocket, openOwnSocket, openSocket];
