import { clientAddress } from '../../http/address.ts';
import type { Authenticate } from '../../http/authenticate.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import { newId } from '../../kernel/id.ts';
import { isWebSocketRequest } from '../websocket/proxy.ts';
import { admitHolder, type Holder, holderOf } from './holder.ts';
import { SEAT_FIELD, type Seat } from './hub.ts';
import { CLIENT_ID } from './messages.ts';
import { type ChannelDeps, hubName, PROTOCOL, PUBLIC_HUB, TICKET_PROTOCOL } from './service.ts';
import { type Ticket, useTicket } from './tickets.ts';

export interface ConnectDeps extends ChannelDeps {
  authenticate: Authenticate;
  /** Measures somebody without a credential. @throws AppError `RATE_LIMITED` */
  admitStranger(headers: Headers): Promise<void>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Opens a socket to the channels of an organization.
 * @param clientId `undefined`: one is made up
 * @throws AppError `upgrade_required`, `unauthorized`, `forbidden`, `RATE_LIMITED`; `conflict` when another credential has
 * that client id; `service_unavailable` when there is no room
 */
export async function connect(deps: ConnectDeps, request: Request, clientId = newId('client')): Promise<Response> {
  needUpgrade(request);
  if (!CLIENT_ID.test(clientId)) {
    throw invalidField('params.client_id', 'must be 1 to 100 of letters, digits, ".", "_", ":" and "-"');
  }
  const { headers } = request;
  const protocols = protocolsOf(headers);
  const { organizationId, holder } = (await byTicket(deps, protocols)) ?? (await byCredential(deps, request));
  const address = clientAddress(headers);
  const use = { address, method: 'GET', path: `/ws/${clientId}` };
  await admitHolder(deps, organizationId, holder, { permission: 'gateway:read', units: 1, use });
  const hub = hubName(organizationId, holder.kind === 'key' ? holder.environment : 'live');
  return sit(deps, hub, { clientId, holder, organizationId, address, subscriptions: [] }, protocols);
}

/** Opens a socket for somebody without a credential, who is told how things are and nothing else. */
export async function connectStranger(deps: ConnectDeps, request: Request): Promise<Response> {
  needUpgrade(request);
  await deps.admitStranger(request.headers);
  const address = clientAddress(request.headers);
  const seat = { clientId: newId('client'), holder: null, organizationId: '', address, subscriptions: [] };
  return sit(deps, PUBLIC_HUB, seat, protocolsOf(request.headers));
}

function needUpgrade({ method, headers }: Request): void {
  if (!isWebSocketRequest(method, headers))
    throw new AppError('upgrade_required', 'This is a WebSocket: send an Upgrade');
}

const protocolsOf = (headers: Headers): string[] =>
  (headers.get('sec-websocket-protocol') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

async function byTicket({ tickets }: ConnectDeps, protocols: readonly string[]): Promise<Ticket | undefined> {
  const name = protocols.find((protocol) => protocol.startsWith(TICKET_PROTOCOL));
  if (name === undefined) return undefined;
  if (!protocols.includes(PROTOCOL)) throw new AppError('bad_request', `The sub-protocol ${PROTOCOL} is missing`);
  const ticket = await useTicket(tickets, name.slice(TICKET_PROTOCOL.length));
  if (!ticket) throw new AppError('unauthorized', 'The ticket is unknown, used or expired');
  return ticket;
}

async function byCredential(deps: ConnectDeps, request: Request): Promise<{ organizationId: string; holder: Holder }> {
  const { headers, url } = request;
  const { pathname, searchParams } = new URL(url);
  const recognised = await deps.authenticate(
    {
      authorization: headers.get('authorization') ?? undefined,
      apiKey: headers.get('x-api-key') ?? undefined,
      ...{ address: clientAddress(headers), method: 'GET', path: pathname },
    },
    { units: 0, tier: 0 },
    () => undefined,
  );
  if (!recognised) throw new AppError('unauthorized', 'Authentication is required');
  const { caller } = recognised;
  const named = searchParams.get('organization_id');
  if (named !== null && !UUID.test(named)) throw invalidField('query.organization_id', 'must be a UUID');
  const own = caller.kind === 'key' ? caller.organizationId : (named ?? (await deps.ownOrganization(caller)));
  if (own === undefined || (named !== null && named.toLowerCase() !== own.toLowerCase()))
    throw notFound('Organization');
  return { organizationId: own.toLowerCase(), holder: holderOf(caller) };
}

const ROOM_AGAIN_SECONDS = 10;

async function sit({ hubOf }: ConnectDeps, hub: string, seat: Seat, protocols: readonly string[]): Promise<Response> {
  const headers = { Upgrade: 'websocket', [SEAT_FIELD]: encodeURIComponent(JSON.stringify(seat)) };
  const { webSocket, status } = await hubOf(hub).fetch(new Request('https://hub/', { headers }));
  if (webSocket) {
    const agreed = protocols.includes(PROTOCOL) ? { 'Sec-WebSocket-Protocol': PROTOCOL } : {};
    return new Response(null, { status: 101, webSocket, headers: agreed });
  }
  if (status === 409) throw new AppError('conflict', 'Another credential is connected with this client id');
  const retryAfter = ROOM_AGAIN_SECONDS;
  throw new AppError('service_unavailable', 'Too many WebSockets are open', { retryAfter });
}
