import { type Ctx, type OrganizationCtx, permit, permitCaller } from '../../access/ctx.ts';
import type { UserPrincipal, WalletPrincipal } from '../../access/principal.ts';
import { later, rfc3339, SECOND } from '../../kernel/clock.ts';
import { type HolderDeps, holderOf } from './holder.ts';
import { LIMITS } from './messages.ts';
import { issueTicket, TICKET_SECONDS, type TicketStore } from './tickets.ts';

/** An organization's object, or one for those without a credential. */
export interface HubObject {
  fetch(request: Request): Promise<Response>;
  publish(channel: string, data: string): Promise<{ messageId: string; recipients: number }>;
  figures(): Promise<{ connections: number; channels: number }>;
}

export interface ChannelDeps extends HolderDeps {
  hubOf(name: string): HubObject;
  tickets: TicketStore;
  /** The organization that is meant where none is named. */
  ownOrganization(principal: UserPrincipal | WalletPrincipal): Promise<string | undefined>;
}

/** Of those without a credential. */
export const PUBLIC_HUB = 'public';

/** Keys for trying things out have channels of their own. */
export const hubName = (organizationId: string, environment: 'live' | 'test') => `${organizationId}:${environment}`;

/** The first sub-protocol of a browser's socket, and the one that is answered: a browser insists on an answer. */
export const PROTOCOL = 'weir.v1';

export const TICKET_PROTOCOL = 'weir.ticket.';

export async function createTicket(ctx: OrganizationCtx, { tickets }: ChannelDeps) {
  permit(ctx, 'gateway:read');
  const { organizationId, principal } = ctx;
  const ticket = await issueTicket(tickets, { organizationId, holder: holderOf(principal) });
  const expires_at = rfc3339(later(ctx.clock(), TICKET_SECONDS * SECOND));
  return { data: { ticket, protocols: [PROTOCOL, `${TICKET_PROTOCOL}${ticket}`], expires_at } };
}

export async function publish(ctx: OrganizationCtx, { hubOf }: ChannelDeps, channel: string, data: unknown) {
  permit(ctx, 'gateway:write');
  const hub = hubOf(hubName(ctx.organizationId, environmentOf(ctx)));
  const { messageId, recipients } = await hub.publish(channel, JSON.stringify(data));
  return { data: { message_id: messageId, channel, recipients } };
}

export async function getStatus(ctx: Ctx, { hubOf, ownOrganization }: ChannelDeps) {
  permitCaller(ctx, 'gateway:read');
  const organizationId = await organizationOf(ctx, ownOrganization);
  const [open, own] = await Promise.all([
    hubOf(PUBLIC_HUB).figures(),
    organizationId === undefined ? null : hubOf(hubName(organizationId, environmentOf(ctx))).figures(),
  ]);
  return { status: 'ok', public: { connections: open.connections }, organization: own, limits: LIMITS } as const;
}

async function organizationOf({ principal }: Ctx, ownOrganization: ChannelDeps['ownOrganization']) {
  if (principal.kind === 'key') return principal.organizationId;
  return principal.kind === 'user' || principal.kind === 'wallet' ? ownOrganization(principal) : undefined;
}

const environmentOf = ({ principal }: Ctx) => (principal.kind === 'key' ? principal.environment : 'live');
