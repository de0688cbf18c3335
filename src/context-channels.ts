import type { CallerCtx } from './access/ctx.ts';
import type { UserPrincipal, WalletPrincipal } from './access/principal.ts';
import type { AppDeps } from './context.ts';
import { quotaClientOf } from './context-quota.ts';
import type { ConnectDeps } from './gateway/channels/connect.ts';
import type { HolderDeps } from './gateway/channels/holder.ts';
import type { HubDeps } from './gateway/channels/hub.ts';
import type { HubObject } from './gateway/channels/service.ts';
import type { Ticket } from './gateway/channels/tickets.ts';
import { limitAddress } from './http/address.ts';
import { isLinkLive } from './identity/agents/store.ts';
import { ownOrganization } from './identity/index.ts';
import { isLive } from './identity/sessions/store.ts';
import { systemClock } from './kernel/clock.ts';
import { newUuid } from './kernel/id.ts';
import { createLogger } from './telemetry/log.ts';

type App = Pick<AppDeps, 'db' | 'redis' | 'authenticate' | 'meter' | 'grantIn' | 'publishOrganization'>;

/** How channels are wired: who may sit in them, and which object holds their sockets. */

type Person = UserPrincipal | WalletPrincipal;

const ctxOf = ({ db, publishOrganization }: App, principal: Person): CallerCtx => ({
  ...{ principal, requestId: newUuid(), address: '', userAgent: '', clock: systemClock, db, publishOrganization },
  afterCommit: () => undefined,
});

const holderPorts = (env: Env, app: App): HolderDeps => ({
  admit: (organizationId, ask) => quotaClientOf(env).admit(organizationId, ask),
  isLive: (principal) =>
    principal.kind === 'user'
      ? isLive(app.db.query, principal.sessionId)
      : isLinkLive(app.db.query, principal.linkId, principal.address),
  permissionsIn: async (principal, organizationId) =>
    (await app.grantIn(ctxOf(app, principal), organizationId))?.permissions,
});

const ticketKey = (hash: string) => `weir:ws-ticket:${hash}`;

export function channelDeps(env: Env, app: App): ConnectDeps {
  const { redis, authenticate, meter } = app;
  return {
    ...holderPorts(env, app),
    authenticate,
    async admitStranger(headers) {
      await meter.admitAddress(limitAddress(headers), { units: 1, tier: 0 }, () => undefined);
    },
    hubOf: (name) => env.CHANNEL_HUB.getByName(name) satisfies HubObject,
    tickets: {
      put: async (hash, ticket, seconds) => void (await redis.set(ticketKey(hash), ticket, { ex: seconds })),
      take: async (hash) => (await redis.getdel<Ticket>(ticketKey(hash))) ?? undefined,
    },
    ownOrganization: (principal) => ownOrganization(ctxOf(app, principal)),
  };
}

export const hubDeps = (env: Env, app: App): HubDeps => ({
  ...holderPorts(env, app),
  clock: systemClock,
  log: createLogger(),
});
