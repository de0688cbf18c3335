import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, jsonObject, text, timestamp } from '../../http/shapes.ts';
import { byChild, byTrigger, READ, WRITE } from './paths.ts';

export const condition = z
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

export const operations = [createCondition, listConditions, updateCondition, deleteCondition];
