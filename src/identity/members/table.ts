import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import type { Role } from '../../access/permissions.ts';
import { moment } from '../../db/columns.ts';
import { organizations } from '../organizations/table.ts';
import { users } from '../users/table.ts';

export const members = pgTable(
  'members',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    role: text('role').$type<Role>().notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    unique('members_organization_user_key').on(t.organizationId, t.userId),
    uniqueIndex('members_owner_key').on(t.organizationId).where(sql`${t.role} = 'owner'`),
    index('members_user_idx').on(t.userId),
  ],
);
