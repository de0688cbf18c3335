import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, instant, integerId, pageOf, pageQuery, timestamp, uuid } from '../../http/shapes.ts';
import { ACTION_TYPES } from '../actions/kinds.ts';
import { event } from '../events/contract.ts';
import { byId, READ, WRITE } from '../rules/paths.ts';

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
  security: READ,
  cost: 1,
  params: byId,
  query: pageQuery.extend({ status: status.optional() }),
  success: { status: 200, description: 'A page of deliveries', schema: pageOf(delivery) },
});

export const listOwnDeliveries = operation({
  id: 'listOwnDeliveries',
  method: 'get',
  path: '/api/v1/deliveries',
  tag: 'Deliveries',
  summary: 'List deliveries',
  description:
    'Of one organization, or without `organization_id` of all the caller’s organizations. Newest first, each with its attempts.',
  security: { kind: 'caller', permission: 'triggers:read' },
  cost: 1,
  query: pageQuery.extend({
    organization_id: uuid.optional(),
    status: status.optional(),
    trigger_id: uuid.optional(),
    action_id: integerId.optional(),
    from: instant.optional(),
    to: instant.optional(),
  }),
  success: { status: 200, description: 'A page of deliveries', schema: pageOf(delivery) },
  errors: ['not_found'],
});

const deliveryDetails = delivery.extend({ event }).meta({ id: 'DeliveryDetails' });

export const getDelivery = operation({
  id: 'getDelivery',
  method: 'get',
  path: '/api/v1/deliveries/{id}',
  tag: 'Deliveries',
  summary: 'Get a delivery with its attempts and its event',
  security: READ,
  cost: 1,
  params: byId,
  success: { status: 200, description: 'The delivery', schema: dataOf(deliveryDetails) },
});

export const retryDelivery = operation({
  id: 'retryDelivery',
  method: 'post',
  path: '/api/v1/deliveries/{id}/retry',
  tag: 'Deliveries',
  summary: 'Send a delivery again',
  description:
    'One that has ended (delivered, failed or cancelled) gets a whole schedule of attempts anew, under the same webhook-id. 409 while it is on its way, and when its event has left the chain.',
  security: WRITE,
  cost: 1,
  params: byId,
  success: { status: 202, description: 'It will be sent; the delivery as it is now', schema: dataOf(deliveryDetails) },
  errors: ['conflict'],
});

export const operations = [listDeliveries, listOwnDeliveries, getDelivery, retryDelivery];
