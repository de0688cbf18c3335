import { rfc3339 } from '../../kernel/clock.ts';
import type { TemplateValues } from '../../kernel/template.ts';
import { JsonLiteral, type TemplateValue } from '../../kernel/template-filters.ts';
import type { chainEvents } from '../ingest/table.ts';
import type { ActionDelivery } from './kind.ts';

/** The columns of `chain_events` that the public form of an event is made of. */
export type EventRow = Pick<
  typeof chainEvents.$inferSelect,
  | 'id'
  | 'chainId'
  | 'blockHash'
  | 'logIndex'
  | 'blockNumber'
  | 'blockTime'
  | 'transactionHash'
  | 'registry'
  | 'eventType'
  | 'agentId'
  | 'fields'
  | 'status'
>;

/** The public JSON of an event: what it is and where it stands, then the fields that its kind has, all on one level. */
export type EventPayload = Record<string, string | number | null>;

/** `agent_id` as the public contract has it: a JSON integer where that is exact, else decimal text. */
function agentId(text: string): string | number {
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : text;
}

/** The one public form of an event: in answers, in the bodies of REST actions, and behind the names of templates. */
export function eventPayload(row: EventRow): EventPayload {
  return {
    ...row.fields,
    id: row.id,
    event_type: row.eventType,
    chain_id: row.chainId,
    registry: row.registry,
    block_number: row.blockNumber,
    block_hash: row.blockHash,
    transaction_hash: row.transactionHash,
    log_index: row.logIndex,
    timestamp: rfc3339(row.blockTime),
    ...(row.agentId === null ? {} : { agent_id: agentId(row.agentId) }),
    status: row.status,
  };
}

type TemplateContext = Pick<ActionDelivery, 'id' | 'kind' | 'retracts' | 'trigger' | 'event' | 'state'>;

/** What templates can name: the event's public fields, what the delivery belongs to, and what its trigger remembered. */
export function templateValues({ id, kind, retracts, trigger, event, state }: TemplateContext): TemplateValues {
  const payload = eventPayload(event);
  return new Map<string, TemplateValue>([
    ...Object.entries(payload),
    ['event', new JsonLiteral(JSON.stringify(payload))],
    ['event_id', event.id],
    ['trigger_id', trigger.id],
    ['trigger_name', trigger.name],
    ['delivery_id', id],
    ['delivery.kind', kind],
    ['delivery.retracts', retracts],
    ...Object.entries(state).map(([name, value]) => [`state.${name}`, value] as const),
  ]);
}
