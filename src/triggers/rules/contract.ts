import * as z from 'zod';
import { REGISTRIES } from '../../chain/events.ts';
import { operation } from '../../http/operation.ts';
import { dataOf, line, pageOf, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';
import { action, operations as actionOperations } from './action-contract.ts';
import { condition, operations as conditionOperations } from './condition-contract.ts';
import { byId, READ, WRITE } from './paths.ts';

const name = line(1, 255).meta({ examples: ['High Value Identity Mints'] });
const description = text(0, 1000).nullable();
const chainId = z
  .int()
  .min(1)
  .nullable()
  .meta({ description: 'A chain of the shipped table, or null for every watched chain', examples: [11155111] });
const registry = z.enum(REGISTRIES);
const matchAll = z
  .boolean()
  .meta({ description: 'Lets a trigger without conditions fire on every event of its registry' });
const confirmations = z.literal(0).nullable().meta({
  description: 'null: fire at the chain’s confirmation depth; 0: at once, with a retraction notice on a reorganization',
});

const trigger = z
  .object({
    id: z.uuid(),
    user_id: z.uuid(),
    organization_id: z.uuid(),
    name: z.string(),
    description: z.string().nullable(),
    chain_id: z.int().nullable(),
    registry,
    enabled: z.boolean(),
    is_stateful: z.boolean(),
    match_all: z.boolean(),
    confirmations: z.int().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Trigger' });

const triggerDetails = trigger
  .extend({ conditions: z.array(condition), actions: z.array(action) })
  .meta({ id: 'TriggerDetails' });

export const createTrigger = operation({
  id: 'createTrigger',
  method: 'post',
  path: '/api/v1/triggers',
  tag: 'Triggers',
  summary: 'Create a trigger',
  description:
    'Without `organization_id` it belongs to the caller’s personal organization. An organization has at most 1,000 triggers, and at most 20 enabled ones on a chain that have to look at every event of their registry.',
  security: WRITE,
  cost: 1,
  body: z
    .object({
      name,
      description: description.optional(),
      organization_id: uuid.optional(),
      chain_id: chainId,
      registry,
      enabled: z.boolean().default(true),
      is_stateful: z.boolean().default(false),
      match_all: matchAll.default(false),
      confirmations: confirmations.optional(),
    })
    .meta({ id: 'CreateTriggerRequest' }),
  success: { status: 201, description: 'The trigger', schema: dataOf(trigger) },
});

export const listTriggers = operation({
  id: 'listTriggers',
  method: 'get',
  path: '/api/v1/triggers',
  tag: 'Triggers',
  summary: 'List triggers',
  description: 'Of one organization, or without `organization_id` of all the caller’s organizations. Newest first.',
  security: { kind: 'caller', permission: 'triggers:read' },
  cost: 1,
  query: pageQuery.extend({ organization_id: uuid.optional() }),
  success: { status: 200, description: 'A page of triggers', schema: pageOf(trigger) },
  errors: ['not_found'],
});

export const getTrigger = operation({
  id: 'getTrigger',
  method: 'get',
  path: '/api/v1/triggers/{id}',
  tag: 'Triggers',
  summary: 'Get a trigger with its conditions and actions',
  security: READ,
  cost: 1,
  params: byId,
  success: { status: 200, description: 'The trigger', schema: dataOf(triggerDetails) },
});

export const updateTrigger = operation({
  id: 'updateTrigger',
  method: 'put',
  path: '/api/v1/triggers/{id}',
  tag: 'Triggers',
  summary: 'Update a trigger',
  description: 'Changes the fields that are sent.',
  security: WRITE,
  cost: 1,
  params: byId,
  body: z
    .object({
      name,
      description,
      chain_id: chainId,
      registry,
      enabled: z.boolean(),
      is_stateful: z.boolean(),
      match_all: matchAll,
      confirmations,
    })
    .partial()
    .meta({ id: 'UpdateTriggerRequest' }),
  success: { status: 200, description: 'The trigger as it is now', schema: dataOf(trigger) },
});

export const deleteTrigger = operation({
  id: 'deleteTrigger',
  method: 'delete',
  path: '/api/v1/triggers/{id}',
  tag: 'Triggers',
  summary: 'Delete a trigger with its conditions, actions and deliveries',
  security: WRITE,
  cost: 1,
  params: byId,
  success: { status: 204, description: 'Gone' },
});

export const operations = [
  createTrigger,
  listTriggers,
  getTrigger,
  updateTrigger,
  deleteTrigger,
  ...conditionOperations,
  ...actionOperations,
];
