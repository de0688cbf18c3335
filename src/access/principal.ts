import type { Permission } from './permissions.ts';

/** Who is asking. Anonymous callers and our own jobs are principals too, so that every verb has one. */
export type Principal = Caller | AnonymousPrincipal | SystemPrincipal;

/** Somebody with a credential. Where several are sent, a token of a person or wallet comes before a key. */
export type Caller = UserPrincipal | KeyPrincipal | WalletPrincipal;

/** A person with an access token. `sessionId` is the token's `sid`: the login it came from. */
export interface UserPrincipal {
  kind: 'user';
  userId: string;
  username: string;
  sessionId: string;
}

/** A program with an API key of one organization. */
export interface KeyPrincipal {
  kind: 'key';
  keyId: string;
  /** SHA-256 of the whole key, in hex: what the edge knows it by. */
  hash: string;
  organizationId: string;
  /** Who made the key. */
  userId: string;
  environment: 'live' | 'test';
  permissions: ReadonlySet<Permission>;
  /** As they were given to the key: also words for several, and scopes of the organization's own. */
  granted: readonly string[];
  /** By expiry, address, method or path. */
  limited: boolean;
}

/** The owner of an agent that is linked to an organization, signed in with the agent's wallet. */
export interface WalletPrincipal {
  kind: 'wallet';
  /** Lower-case hex. */
  address: string;
  organizationId: string;
  linkId: string;
  /** Who linked the agent. */
  userId: string;
}

export interface AnonymousPrincipal {
  kind: 'anonymous';
}

/** Our own work: a queue consumer, a cron job, an alarm. */
interface SystemPrincipal {
  kind: 'system';
  job: string;
}

export const ANONYMOUS: AnonymousPrincipal = { kind: 'anonymous' };

/** A principal in one word, as audit rows and stored answers name it: `user:…`, `key:…`, `wallet:0x…`. */
export function principalName(principal: Principal): string {
  switch (principal.kind) {
    case 'user':
      return `user:${principal.userId}`;
    case 'key':
      return `key:${principal.keyId}`;
    case 'wallet':
      return `wallet:${principal.address}`;
    case 'system':
      return `system:${principal.job}`;
    case 'anonymous':
      return 'anonymous';
  }
}
