import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    username: text('username').notNull(),
    email: text('email').notNull(),
    passwordHash: text('password_hash').notNull(),
    /** Counts changes of the password; the same password hashed anew is no change. */
    passwordVersion: integer('password_version').notNull().default(1),
    /** Wrong passwords in a row. None is counted while the account is locked. */
    failedLogins: integer('failed_logins').notNull().default(0),
    lockedUntil: moment('locked_until'),
    /** Organizations made on the day beside it, which is kept as `2026-01-31` (UTC). */
    organizationsMade: integer('organizations_made').notNull().default(0),
    organizationsMadeOn: text('organizations_made_on').notNull().default(''),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: moment('created_at').notNull(),
    lastLoginAt: moment('last_login_at'),
  },
  (t) => [
    uniqueIndex('users_username_key').on(sql`lower(${t.username})`),
    uniqueIndex('users_email_key').on(sql`lower(${t.email})`),
  ],
);

/** The networks that an account was signed in from of late. What fails there is counted there, too. */
export const signInNetworks = pgTable(
  'sign_in_networks',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** An IPv4 address or an IPv6 /64. */
    network: text('network').notNull(),
    /** The last sign-in or renewal of tokens there. */
    lastSeenAt: moment('last_seen_at').notNull(),
    failedLogins: integer('failed_logins').notNull().default(0),
    lockedUntil: moment('locked_until'),
  },
  (t) => [primaryKey({ columns: [t.userId, t.network] }), index('sign_in_networks_seen_idx').on(t.lastSeenAt)],
);
