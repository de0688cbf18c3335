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

const DESCRIPTIONS = {
  condition_type:
    '`event` or `field` (the same): any field, any operator that fits it. `any`, `all`, `none`: a group. Narrower kinds: `agent_id_equals`, `event_type_equals`, `score_threshold`, `response_threshold`, `tag_equals`, `validator_whitelist`, `file_uri_exists`. Others look at more than one event.',
  field:
    'A field of an event: `event_type`, `agent_id`, `owner`, `score`, `tag1` … A group ignores it. A field that no event of the trigger’s registry has is refused, except where it would hold for that very reason.',
  operator:
    'By name or sign, in any case: `equals` (`=`, `==`), `not_equals` (`!=`, `<>`), `gt` (`>`), `gte` (`>=`), `lt` (`<`), `lte` (`<=`), `between` (both ends included), `in`, `not_in` (`NOT IN`), `contains`, `starts_with`, `ends_with`, `matches` (a regular expression in RE2’s syntax, found anywhere unless anchored), `exists` (`IS NOT NULL`), `is_null` (`IS NULL`), `changed`. A group ignores it.',
  value:
    'What is compared with; always text. Numbers are decimal, of any size; times RFC 3339 or Unix seconds. `in`, `not_in` and `between` take items separated by commas, or a JSON array of strings and numbers (at most 100; `between` two). Ignored by `exists`, `is_null`, `changed` and groups.',
  config:
    '`{"case_sensitive": false}` for text. Of a group `{"conditions": […]}`: conditions as in this body, groups among them, at most 4 deep and 200 in all groups of a trigger; stateful ones are not among them. A fault in one is reported as `config.conditions.2.value`.',
};

const conditionFields = z.object({
  condition_type: text(1, 100).meta({ description: DESCRIPTIONS.condition_type, examples: ['event'] }),
  field: text(1, 255).meta({ description: DESCRIPTIONS.field, examples: ['event_type'] }),
  operator: text(1, 50).meta({ description: DESCRIPTIONS.operator, examples: ['equals'] }),
  value: text(1, 1000).meta({ description: DESCRIPTIONS.value, examples: ['AgentMinted'] }),
  config: jsonObject.nullable().meta({ description: DESCRIPTIONS.config }),
});

export const createCondition = operation({
  id: 'createCondition',
  method: 'post',
  path: '/api/v1/triggers/{trigger_id}/conditions',
  tag: 'Conditions',
  summary: 'Add a condition',
  description:
    'All conditions of a trigger must hold for it to fire; at most 50. What can never hold is refused with the reason. An organization has at most 20 enabled triggers on a chain that have to look at every event of their registry, and in enabled triggers 50 conditions with `matches` and 200 stateful ones (5 of each in one trigger).',
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
