import { sql } from 'drizzle-orm';
import { boolean, check, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { PLAN_NAMES, type PlanName } from '../../billing/index.ts';
import { moment } from '../../db/columns.ts';

export const organizations = pgTable(
  'organizations',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    slug: text('slug').notNull(),
    description: text('description'),
    isPersonal: boolean('is_personal').notNull().default(false),
    plan: text('plan').$type<PlanName>().notNull().default('free'),
    /** The operator's word in place of the plan's. */
    unitsPerHour: integer('units_per_hour'),
    /** Whether units may be leased to isolates; null: from a limit that is high enough on. */
    leases: boolean('leases'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [
    unique('organizations_slug_key').on(t.slug),
    check('organizations_plan_known', sql.raw(`plan in (${PLAN_NAMES.map((name) => `'${name}'`).join(', ')})`)),
    check('organizations_units_per_hour_positive', sql`${t.unitsPerHour} > 0`),
  ],
);
