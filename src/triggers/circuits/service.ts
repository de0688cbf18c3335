import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { confirmStanding } from '../../identity/index.ts';
import { notFound } from '../../kernel/errors.ts';
import { audit } from '../../telemetry/audit.ts';
import { findAction, lockTrigger } from '../rules/store.ts';
import * as store from './store.ts';
import { circuitToWire } from './wire.ts';

export async function getCircuit(ctx: OrganizationCtx, triggerId: string, actionId: number) {
  permit(ctx, 'triggers:read');
  const key = { organizationId: ctx.organizationId, triggerId };
  const circuit = await store.findCircuit(ctx.db.query, key, actionId);
  if (!circuit) throw notFound('Action');
  return { data: circuitToWire(circuit) };
}

/** Of a circuit that is closed already nothing is left but the trace that somebody asked for it. */
export async function resetCircuit(ctx: OrganizationCtx, triggerId: string, actionId: number) {
  permit(ctx, 'triggers:write');
  const key = { organizationId: ctx.organizationId, triggerId };
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    // Trigger before action before circuit: the order of everything that changes or deletes them.
    await lockTrigger(tx, key);
    if (!(await findAction(tx, key, actionId))) throw notFound('Action');
    const before = await store.resetCircuit(tx, actionId, ctx.clock());
    await audit(tx, ctx, {
      action: 'action.circuit_reset',
      target: { type: 'action', id: String(actionId) },
      before: circuitToWire(before),
      after: circuitToWire(),
    });
  });
  return { data: circuitToWire() };
}
