import type { EdgePlan } from '../../access/edge.ts';
import { PLAN_NAMES, type PlanName } from '../../billing/index.ts';
import type { Database } from '../../db/client.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { audit } from '../../telemetry/audit.ts';
import { bumpEdge } from '../edge/store.ts';
import { findOrganizationByName, lockOrganization, updateOrganization } from './store.ts';

/** What an operator decides about an organization's quota; what is left out stays as it is. */
export interface PlanChange {
  plan: string;
  /** Units an hour in place of the plan's; `null` for the plan's own. */
  unitsPerHour?: number | null;
  /** Whether units may be leased to isolates; `null` decides by the limit. */
  leases?: boolean | null;
}

export interface PlanOutcome {
  organization: { id: string; slug: string };
  plan: EdgePlan & { name: PlanName };
  changed: boolean;
}

interface PlanDeps {
  db: Database;
  clock: Clock;
}

/** PostgreSQL's `integer`. */
const MAX_UNITS = 2_147_483_647;

/**
 * Sets the plan of the organization with this id or slug. The edge is told by the next sweep.
 * @throws AppError `not_found`; `bad_request` for a plan that there is not, or units out of range
 */
export async function changePlan({ db, clock }: PlanDeps, name: string, change: PlanChange): Promise<PlanOutcome> {
  const { plan: wanted, ...others } = change;
  const plan = PLAN_NAMES.find((known) => known === wanted);
  if (!plan) throw new AppError('bad_request', `There is no plan "${wanted}"; there are ${PLAN_NAMES.join(', ')}`);
  refuseUnits(change.unitsPerHour);
  const found = await findOrganizationByName(db.query, name);
  if (!found) throw notFound(`Organization "${name}"`);
  return db.transaction(async (tx) => {
    await bumpEdge(tx, found.id);
    const before = await lockOrganization(tx, found.id, 'no key update');
    if (!before) throw notFound(`Organization "${name}"`);
    const after = { ...before, ...others, plan };
    const changed = JSON.stringify(toTrail(before)) !== JSON.stringify(toTrail(after));
    if (changed) {
      await updateOrganization(tx, found.id, { plan, unitsPerHour: after.unitsPerHour, leases: after.leases });
      await audit(
        tx,
        { principal: { kind: 'system', job: 'plan' }, requestId: '', address: '', clock, organizationId: found.id },
        {
          action: 'organization.plan',
          target: { type: 'organization', id: found.id },
          before: toTrail(before),
          after: toTrail(after),
        },
      );
    }
    const { id, slug, unitsPerHour, leases } = after;
    return { organization: { id, slug }, plan: { name: plan, unitsPerHour, leases }, changed };
  });
}

function refuseUnits(units: number | null | undefined): void {
  if (units === undefined || units === null) return;
  if (Number.isInteger(units) && units >= 1 && units <= MAX_UNITS) return;
  throw new AppError('bad_request', `Units an hour must be a whole number from 1 to ${MAX_UNITS}`);
}

const toTrail = (row: { plan: PlanName; unitsPerHour: number | null; leases: boolean | null }) => ({
  plan: row.plan,
  units_per_hour: row.unitsPerHour,
  leases: row.leases,
});
