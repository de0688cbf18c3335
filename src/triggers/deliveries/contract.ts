import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { pageOf, pageQuery, timestamp, uuid } from '../../http/shapes.ts';
import { ACTION_TYPES } from '../actions/kinds.ts';

const status = z.enum(['pending', 'in_flight', 'delivered', 'failed', 'cancelled']);

const attempt = z
  .object({
    attempt: z.int(),
    started_at: timestamp,
    duration_ms: z.int(),
    outcome: z
      .enum(['delivered', 'retryable', 'permanent', 'unknown'])
      .meta({ description: 'unknown: the sender stopped before it could record the answer' }),
    response_status: z.int().nullable(),
    response_excerpt: z.string().nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'DeliveryAttempt' });

const delivery = z
  .object({
    id: z.uuid().meta({ description: 'Also the webhook-id of every attempt' }),
    trigger_id: z.uuid(),
    action_id: z.int(),
    action_type: z.enum(ACTION_TYPES),
    kind: z.enum(['fire', 'retraction']),
    retracts: z.uuid().nullable().meta({ description: 'For a retraction: the delivery it takes back' }),
    status,
    event: z.object({
      id: z.string(),
      event_type: z.string(),
      chain_id: z.int(),
      block_number: z.int(),
      transaction_hash: z.string(),
      log_index: z.int(),
    }),
    attempts: z.array(attempt),
    next_attempt_at: timestamp.nullable(),
    last_error: z.string().nullable(),
    created_at: timestamp,
    completed_at: timestamp.nullable(),
  })
  .meta({ id: 'Delivery' });

export const listDeliveries = operation({
  id: 'listDeliveries',
  method: 'get',
  path: '/api/v1/triggers/{id}/deliveries',
  tag: 'Deliveries',
  summary: 'List what a trigger has sent',
  description: 'Newest first, each with its attempts.',
  security: { kind: 'organization', permission: 'triggers:read' },
  cost: 1,
  params: z.object({ id: uuid }),
  query: pageQuery.extend({ status: status.optional() }),
  success: { status: 200, description: 'A page of deliveries', schema: pageOf(delivery) },
});

export const operations = [listDeliveries];
