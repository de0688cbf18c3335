import { rfc3339 } from '../../kernel/clock.ts';
import type { ActionRow, ConditionRow, TriggerRow } from './store.ts';

/** Rows as the public contract shows them. */
export const triggerToWire = (row: TriggerRow) => ({
  id: row.id,
  user_id: row.userId,
  organization_id: row.organizationId,
  name: row.name,
  description: row.description,
  chain_id: row.chainId,
  registry: row.registry,
  enabled: row.enabled,
  is_stateful: row.isStateful,
  match_all: row.matchAll,
  confirmations: row.confirmations,
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});

export const conditionToWire = (row: ConditionRow) => ({
  id: row.id,
  trigger_id: row.triggerId,
  condition_type: row.conditionType,
  field: row.field,
  operator: row.operator,
  value: row.value,
  config: row.config,
  created_at: rfc3339(row.createdAt),
});

export const actionToWire = (row: ActionRow) => ({
  id: row.id,
  trigger_id: row.triggerId,
  action_type: row.actionType,
  priority: row.priority,
  config: row.config,
  created_at: rfc3339(row.createdAt),
});
