import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { type EventFilter, type EventRow, listEvents } from '../usage/store.ts';

export async function listOrganizationEvents(ctx: OrganizationCtx, query: PageRequest & EventFilter) {
  permit(ctx, 'audit:read');
  const { rows, total } = await listEvents(ctx.db.query, ctx.organizationId, query, query);
  return toPage(rows.map(toWire), total, query);
}

const toWire = ({ id, type, data, occurredAt }: EventRow) => ({ id, type, data, occurred_at: rfc3339(occurredAt) });
