/** Who is asking. Anonymous callers and our own jobs are principals too, so that every verb has one. */
export type Principal = UserPrincipal | AnonymousPrincipal | SystemPrincipal;

/** A person with an access token. `sessionId` is the token's `sid`: the login it came from. */
export interface UserPrincipal {
  kind: 'user';
  userId: string;
  username: string;
  sessionId: string;
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
