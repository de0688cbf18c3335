import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import { users } from '../users/table.ts';

/** Why a session ended before its time. */
export type SessionEnd = 'logout' | 'revoked' | 'password_changed' | 'token_reused' | 'wrong_passwords';

/** One row per sign-in; `id` is the `sid` of its access tokens. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: moment('created_at').notNull(),
    /** The last time its tokens were renewed; with access tokens of an hour, its last use to the hour. */
    refreshedAt: moment('refreshed_at').notNull(),
    /** Fixed at sign-in: renewing tokens does not move it. */
    expiresAt: moment('expires_at').notNull(),
    /** What the caller said and where they were when they signed in. */
    userAgent: text('user_agent'),
    address: text('address'),
    /** Wrong current passwords in a row, given to change it. */
    wrongPasswords: integer('wrong_passwords').notNull().default(0),
    revokedAt: moment('revoked_at'),
    revokedReason: text('revoked_reason').$type<SessionEnd>(),
  },
  (t) => [
    index('sessions_user_idx').on(t.userId, t.createdAt),
    index('sessions_expiry_idx').on(t.expiresAt),
    index('sessions_revoked_idx').on(t.revokedAt),
  ],
);

/**
 * One row per refresh token ever issued to a session that is not yet swept. `spentAt` marks the one use it has; a
 * spent token that comes back ends the session (RFC 9700 §4.14.2). It is good for as long as its session.
 */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    tokenHash: text('token_hash').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    createdAt: moment('created_at').notNull(),
    spentAt: moment('spent_at'),
  },
  (t) => [index('refresh_tokens_session_idx').on(t.sessionId)],
);
