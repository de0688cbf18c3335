import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { ProvenLink, TransferFinding } from '../../identity/index.ts';
import { chainEvents } from './table.ts';

const isTransfer = and(eq(chainEvents.registry, 'identity'), eq(chainEvents.eventType, 'Transfer'));

/** The agents that the transfers among the events are of. */
export async function agentsTransferred(tx: Executor, eventIds: readonly string[]): Promise<string[]> {
  const rows = await tx
    .selectDistinct({ agentId: chainEvents.agentId })
    .from(chainEvents)
    .where(and(inArray(chainEvents.id, [...eventIds]), isTransfer));
  return rows.flatMap(({ agentId }) => agentId ?? []);
}

/** What the recorded transfers of the agents say about the links, all in one statement. */
export async function judgeTransfers(
  tx: Executor,
  chainId: number,
  links: readonly ProvenLink[],
): Promise<TransferFinding[]> {
  const asked = JSON.stringify(
    links.map(({ id, agentId, walletAddress, provenBlock }) => ({
      id,
      agent: agentId,
      wallet: walletAddress,
      block: provenBlock,
    })),
  );
  const ofAgent = sql`e.chain_id = ${chainId} and e.agent_id = l.agent and e.registry = 'identity' and e.event_type = 'Transfer'`;
  const away = (status: string) => sql`(
    select e.id from ${chainEvents} e
    where ${ofAgent} and e.status = ${status} and e.block_number > l.block and e.fields->>'to' <> l.wallet
    order by e.block_number, e.log_index limit 1)`;
  const result = await tx.execute(sql`
    select l.id as "linkId", ${away('confirmed')} as "confirmedAway", ${away('observed')} as "observedAway", (
      select e.fields->>'to' from ${chainEvents} e
      where ${ofAgent} and e.status <> 'reorged'
      order by e.block_number desc, e.log_index desc limit 1) as "lastTo"
    from jsonb_to_recordset(${asked}::jsonb) as l(id text, agent text, wallet text, block bigint)`);
  return (result as unknown as { rows: TransferFinding[] }).rows; // the driver's type does not know the statement
}
