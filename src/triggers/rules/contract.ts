import * as z from 'zod';
import { REGISTRIES } from '../../chain/events.ts';
import { operation } from '../../http/operation.ts';
import {
  dataOf,
  int32,
  integerId,
  jsonObject,
  line,
  pageOf,
  pageQuery,
  text,
  timestamp,
  uuid,
} from '../../http/shapes.ts';
import { ACTION_TYPES } from '../actions/kinds.ts';

const READ = { kind: 'organization', permission: 'triggers:read' } as const;
const WRITE = { kind: 'organization', permission: 'triggers:write' } as const;

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

const condition = z
  .object({
    id: z.int(),
    trigger_id: z.uuid(),
    condition_type: z.string(),
    field: z.string(),
    operator: z.string(),
    value: z.string(),
    config: z.record(z.string(), z.unknown()).nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'Condition' });

const action = z
  .object({
    id: z.int(),
    trigger_id: z.uuid(),
    action_type: z.enum(ACTION_TYPES),
    priority: z.int(),
    config: z.record(z.string(), z.unknown()).meta({ description: 'Secret fields are shown as ********' }),
    created_at: timestamp,
  })
  .meta({ id: 'Action' });

const createdAction = action
  .extend({
    signing_secret: z
      .string()
      .optional()
      .meta({
        description: 'Shown once: the Standard Webhooks secret that a rest action signs with',
        examples: ['whsec_…'],
      }),
  })
  .meta({ id: 'CreatedAction' });

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

const byId = z.object({ id: uuid });
const byTrigger = z.object({ trigger_id: uuid });
const byChild = z.object({ trigger_id: uuid, id: integerId });

export const createTrigger = operation({
  id: 'createTrigger',
  method: 'post',
  path: '/api/v1/triggers',
  tag: 'Triggers',
  summary: 'Create a trigger',
  description: 'Without `organization_id` it belongs to the caller’s personal organization.',
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

const conditionFields = z.object({
  condition_type: text(1, 100).meta({ examples: ['event'] }),
  field: text(1, 255).meta({ examples: ['event_type'] }),
  operator: text(1, 50).meta({ examples: ['equals'] }),
  value: text(1, 1000).meta({ examples: ['AgentMinted'] }),
  config: jsonObject.nullable(),
});

export const createCondition = operation({
  id: 'createCondition',
  method: 'post',
  path: '/api/v1/triggers/{trigger_id}/conditions',
  tag: 'Conditions',
  summary: 'Add a condition',
  description: 'All conditions of a trigger must hold for it to fire.',
  security: WRITE,
  cost: 1,
  params: byTrigger,
  body: conditionFields.partial({ config: true }).meta({ id: 'CreateConditionRequest' }),
  success: { status: 201, description: 'The condition', schema: dataOf(condition) },
});

export const listConditions = operation({
  id: 'listConditions',
  method: 'get',
  path: '/api/v1/triggers/{trigger_id}/conditions',
  tag: 'Conditions',
  summary: 'List the conditions of a trigger',
  security: READ,
  cost: 1,
  params: byTrigger,
  success: { status: 200, description: 'The conditions, oldest first', schema: dataOf(z.array(condition)) },
});

export const updateCondition = operation({
  id: 'updateCondition',
  method: 'put',
  path: '/api/v1/triggers/{trigger_id}/conditions/{id}',
  tag: 'Conditions',
  summary: 'Update a condition',
  description: 'Changes the fields that are sent.',
  security: WRITE,
  cost: 1,
  params: byChild,
  body: conditionFields.partial().meta({ id: 'UpdateConditionRequest' }),
  success: { status: 200, description: 'The condition as it is now', schema: dataOf(condition) },
});

export const deleteCondition = operation({
  id: 'deleteCondition',
  method: 'delete',
  path: '/api/v1/triggers/{trigger_id}/conditions/{id}',
  tag: 'Conditions',
  summary: 'Delete a condition',
  security: WRITE,
  cost: 1,
  params: byChild,
  success: { status: 204, description: 'Gone' },
});

const actionFields = z.object({
  action_type: z.enum(ACTION_TYPES),
  priority: int32.meta({ description: 'Lower runs first' }),
  config: jsonObject,
});

export const createAction = operation({
  id: 'createAction',
  method: 'post',
  path: '/api/v1/triggers/{trigger_id}/actions',
  tag: 'Actions',
  summary: 'Add an action',
  description: 'What happens when the trigger fires. `config` is checked per kind; unknown fields are refused.',
  security: WRITE,
  cost: 1,
  params: byTrigger,
  body: actionFields.extend({ priority: actionFields.shape.priority.default(0) }).meta({ id: 'CreateActionRequest' }),
  success: { status: 201, description: 'The action', schema: dataOf(createdAction) },
});

export const listActions = operation({
  id: 'listActions',
  method: 'get',
  path: '/api/v1/triggers/{trigger_id}/actions',
  tag: 'Actions',
  summary: 'List the actions of a trigger',
  security: READ,
  cost: 1,
  params: byTrigger,
  success: { status: 200, description: 'The actions by priority, then id', schema: dataOf(z.array(action)) },
});

export const updateAction = operation({
  id: 'updateAction',
  method: 'put',
  path: '/api/v1/triggers/{trigger_id}/actions/{id}',
  tag: 'Actions',
  summary: 'Update an action',
  description: 'Changes the fields that are sent; a secret sent back as ******** stays as it is.',
  security: WRITE,
  cost: 1,
  params: byChild,
  body: actionFields.partial().meta({ id: 'UpdateActionRequest' }),
  success: { status: 200, description: 'The action as it is now', schema: dataOf(action) },
});

export const deleteAction = operation({
  id: 'deleteAction',
  method: 'delete',
  path: '/api/v1/triggers/{trigger_id}/actions/{id}',
  tag: 'Actions',
  summary: 'Delete an action with its deliveries',
  security: WRITE,
  cost: 1,
  params: byChild,
  success: { status: 204, description: 'Gone' },
});

export const operations = [
  createTrigger,
  listTriggers,
  getTrigger,
  updateTrigger,
  deleteTrigger,
  createCondition,
  listConditions,
  updateCondition,
  deleteCondition,
  createAction,
  listActions,
  updateAction,
  deleteAction,
];
