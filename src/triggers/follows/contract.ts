import * as z from 'zod';
import { REGISTRIES } from '../../chain/events.ts';
import { operation } from '../../http/operation.ts';
import { dataOf, pageOf, pageQuery, timestamp, uuid } from '../../http/shapes.ts';
import { agentIdText, shownAgentId } from '../../identity/index.ts';
import { ACTION_TYPES } from '../actions/kinds.ts';
import { newActionFields } from '../rules/action-contract.ts';
import { READ, WRITE } from '../rules/paths.ts';

const triggerId = z.uuid().nullable();

const follow = z
  .object({
    id: z.uuid(),
    agent_id: shownAgentId,
    chain_id: z.int(),
    organization_id: z.uuid(),
    enabled: z.boolean(),
    trigger_ids: z
      .object({ identity: triggerId, reputation: triggerId, validation: triggerId })
      .meta({ description: 'The triggers that it is made of; null where there is none' }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'AgentFollow' });

const writtenFollow = follow
  .extend({
    actions: z
      .array(
        z.object({
          action_type: z.enum(ACTION_TYPES),
          priority: z.int(),
          signing_secret: z
            .string()
            .optional()
            .meta({ description: 'Shown once: what a new rest action signs with, the same for all of the triggers' }),
        }),
      )
      .optional()
      .meta({ description: 'By priority, where actions were sent' }),
  })
  .meta({ id: 'WrittenAgentFollow' });

const MAX_ACTIONS = 10;

const actions = z.array(newActionFields.strict()).min(1).max(MAX_ACTIONS);
const chainId = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const registries = z.array(z.enum(REGISTRIES)).min(1).max(REGISTRIES.length);

const byAgent = z.object({ agent_id: agentIdText });

/** `chain_id` may be left out where the agent id is followed on one chain only. */
const whichFollow = z.object({
  organization_id: uuid.optional(),
  chain_id: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .meta({ description: 'Needed where an agent with this id is followed on several chains' }),
});

export const followAgent = operation({
  id: 'followAgent',
  method: 'post',
  path: '/api/v1/agents/{agent_id}/follow',
  tag: 'Following agents',
  summary: 'Follow an agent',
  description:
    'Makes a trigger for each registry that fires on every event of the agent, with these actions. Without `organization_id` it belongs to the caller’s personal organization, which can follow an agent once.',
  security: WRITE,
  cost: 1,
  params: byAgent,
  body: z
    .object({
      chain_id: chainId,
      organization_id: uuid.optional(),
      actions,
      registries: registries.default([...REGISTRIES]),
    })
    .meta({ id: 'FollowAgentRequest' }),
  success: { status: 201, description: 'What follows the agent', schema: dataOf(writtenFollow) },
  errors: ['conflict'],
});

export const listFollows = operation({
  id: 'listFollows',
  method: 'get',
  path: '/api/v1/agents/following',
  tag: 'Following agents',
  summary: 'List the agents that are followed',
  description: 'By one organization, or without `organization_id` by all the caller’s organizations. Newest first.',
  security: { kind: 'caller', permission: 'triggers:read' },
  cost: 1,
  query: pageQuery.extend({ organization_id: uuid.optional() }),
  success: { status: 200, description: 'A page of follows', schema: pageOf(follow) },
  errors: ['not_found'],
});

export const getFollow = operation({
  id: 'getFollow',
  method: 'get',
  path: '/api/v1/agents/{agent_id}/follow',
  tag: 'Following agents',
  summary: 'See what follows an agent',
  security: READ,
  cost: 1,
  params: byAgent,
  query: whichFollow,
  success: { status: 200, description: 'What follows the agent', schema: dataOf(follow) },
});

export const updateFollow = operation({
  id: 'updateFollow',
  method: 'put',
  path: '/api/v1/agents/{agent_id}/follow',
  tag: 'Following agents',
  summary: 'Change how an agent is followed',
  description:
    'Changes what is sent, for each of the triggers. `actions` are the actions from now on: one at the same place by priority is changed, others are added or deleted (with their deliveries); a secret sent back as ******** stays as it is. A rest action that is new in one of the triggers has all of them sign with its new secret.',
  security: WRITE,
  cost: 1,
  params: byAgent,
  query: whichFollow,
  body: z.object({ enabled: z.boolean(), actions }).partial().meta({ id: 'UpdateFollowRequest' }),
  success: { status: 200, description: 'What follows the agent now', schema: dataOf(writtenFollow) },
});

export const unfollowAgent = operation({
  id: 'unfollowAgent',
  method: 'delete',
  path: '/api/v1/agents/{agent_id}/follow',
  tag: 'Following agents',
  summary: 'Stop following an agent',
  description: 'Deletes the triggers with their actions and deliveries.',
  security: WRITE,
  cost: 1,
  params: byAgent,
  query: whichFollow,
  success: { status: 204, description: 'Gone' },
});

export const operations = [followAgent, listFollows, getFollow, updateFollow, unfollowAgent];
