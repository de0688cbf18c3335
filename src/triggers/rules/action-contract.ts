import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, int32, jsonObject, timestamp } from '../../http/shapes.ts';
import { ACTION_TYPES } from '../actions/kinds.ts';
import { circuit } from '../circuits/contract.ts';
import { byChild, byTrigger, READ, WRITE } from './paths.ts';

export const action = z
  .object({
    id: z.int(),
    trigger_id: z.uuid(),
    action_type: z.enum(ACTION_TYPES),
    priority: z.int(),
    config: z.record(z.string(), z.unknown()).meta({ description: 'Secret fields are shown as ********' }),
    created_at: timestamp,
  })
  .meta({ id: 'Action' });

const listedAction = action.extend({ circuit }).meta({ id: 'ListedAction' });

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

const actionFields = z.object({
  action_type: z.enum(ACTION_TYPES),
  priority: int32.meta({ description: 'Lower runs first' }),
  config: jsonObject,
});

export const newActionFields = actionFields.extend({ priority: actionFields.shape.priority.default(0) });

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
  body: newActionFields.meta({ id: 'CreateActionRequest' }),
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
  success: { status: 200, description: 'The actions by priority, then id', schema: dataOf(z.array(listedAction)) },
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
  success: { status: 200, description: 'The action as it is now', schema: dataOf(createdAction) },
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

export const operations = [createAction, listActions, updateAction, deleteAction];
