import { operations as channels } from './gateway/channels/contract.ts';
import { operations as apis, domainOperations, hostOperations } from './gateway/registry/index.ts';
import { operations as services } from './gateway/services/contract.ts';
import type { Operation } from './http/operation.ts';
import { operations as agents } from './identity/agents/contract.ts';
import { operations as apiKeys } from './identity/api-keys/contract.ts';
import { operations as members } from './identity/members/contract.ts';
import { operations as organizations } from './identity/organizations/contract.ts';
import { operations as sessions } from './identity/sessions/contract.ts';
import { operations as users } from './identity/users/contract.ts';
import { operations as wallets } from './identity/wallets/contract.ts';
import { operations as audit } from './observability/audit/contract.ts';
import { operations as health } from './observability/health/contract.ts';
import { operations as requests } from './observability/requests/contract.ts';
import { operations as discovery } from './portal/discovery/contract.ts';
import { operations as docs } from './portal/docs/contract.ts';
import { operations as organizationEvents } from './quota/events/contract.ts';
import { operations as rateLimits } from './quota/rate-limits/contract.ts';
import { operations as usage } from './quota/usage/contract.ts';
import { operations as circuits } from './triggers/circuits/contract.ts';
import { operations as deliveries } from './triggers/deliveries/contract.ts';
import { operations as events } from './triggers/events/contract.ts';
import { operations as follows } from './triggers/follows/contract.ts';
import { operations as replays } from './triggers/replays/contract.ts';
import { operations as rules } from './triggers/rules/contract.ts';
import { operations as trials } from './triggers/trials/contract.ts';

/** Every operation of the HTTP contract, in the order in which the reference shows them. */
export const OPERATIONS: readonly Operation[] = [
  ...users,
  ...sessions,
  ...wallets,
  ...organizations,
  ...members,
  ...apiKeys,
  ...agents,
  ...apis,
  ...hostOperations,
  ...domainOperations,
  ...services,
  ...channels,
  ...rules,
  ...trials,
  ...circuits,
  ...follows,
  ...deliveries,
  ...replays,
  ...events,
  ...rateLimits,
  ...usage,
  ...organizationEvents,
  ...requests,
  ...audit,
  ...health,
  ...discovery,
  ...docs,
];

/** Names below /api/v1/ that stand for resources of our own, so that no API of an organization can have them. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set(
  OPERATIONS.flatMap(({ path }) => /^\/api\/v1\/([^/{]+)/.exec(path)?.[1] ?? []),
);
