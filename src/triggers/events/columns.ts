import { chainEvents } from '../ingest/table.ts';

/**
 * What is read of a recorded event: all but the log as the node told it (`topics`, `data`), which may be megabytes long and
 * is kept for a later release to decode. The public form of an event, and what conditions see of it, are made of these.
 */
export const eventColumns = {
  id: chainEvents.id,
  chainId: chainEvents.chainId,
  blockHash: chainEvents.blockHash,
  logIndex: chainEvents.logIndex,
  blockNumber: chainEvents.blockNumber,
  blockTime: chainEvents.blockTime,
  transactionHash: chainEvents.transactionHash,
  registry: chainEvents.registry,
  eventType: chainEvents.eventType,
  agentId: chainEvents.agentId,
  fields: chainEvents.fields,
  status: chainEvents.status,
};
