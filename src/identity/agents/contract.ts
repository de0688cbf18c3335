import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, timestamp, uuid } from '../../http/shapes.ts';
import {
  agentId,
  agentIdText,
  chainId,
  challenge,
  issuedChallenge,
  shownAgentId,
  signature,
  walletAddress,
} from '../wallets/shapes.ts';
import { LINK_STATUSES } from './table.ts';

const READ = { kind: 'organization', permission: 'agents:read' } as const;
const WRITE = { kind: 'organization', permission: 'agents:write' } as const;

const link = z
  .object({
    id: z.string().meta({ examples: ['link_018c2f5e9a7b7c3d8e4f5a6b7c8d9e0f'] }),
    agent_id: shownAgentId,
    chain_id: z.int(),
    organization_id: z.uuid(),
    wallet_address: z.string(),
    status: z.enum(LINK_STATUSES).meta({
      description:
        'stale: the agent was transferred in a block that is not confirmed yet; only an active link gives rights',
    }),
    created_at: timestamp,
  })
  .meta({ id: 'AgentLink' });

const chainQuery = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const challengeAgent = operation({
  id: 'challengeAgent',
  method: 'post',
  path: '/api/v1/agents/challenge',
  tag: 'Agent linking',
  summary: 'Get a text to link an agent with',
  description: 'The wallet that owns the agent signs the text, unchanged.',
  security: WRITE,
  cost: 1,
  body: z
    .object({ agent_id: agentId, chain_id: chainId, organization_id: uuid, wallet_address: walletAddress })
    .meta({ id: 'AgentChallengeRequest' }),
  success: {
    status: 201,
    description: 'The text, valid for 5 minutes and for one use',
    schema: dataOf(issuedChallenge),
  },
});

export const linkAgent = operation({
  id: 'linkAgent',
  method: 'post',
  path: '/api/v1/agents/link',
  tag: 'Agent linking',
  summary: 'Link an agent to an organization',
  description:
    'Needs the signature of the agent’s owner under a text from `/api/v1/agents/challenge`. An agent has one link; a new owner’s replaces that of the owner before.',
  security: WRITE,
  cost: 1,
  ownTransactions: true,
  body: z
    .object({
      agent_id: agentId,
      chain_id: chainId,
      organization_id: uuid,
      wallet_address: walletAddress,
      challenge,
      signature,
    })
    .meta({ id: 'LinkAgentRequest' }),
  success: { status: 201, description: 'The link', schema: link },
  errors: ['bad_request', 'not_found', 'conflict', 'service_unavailable'],
});

export const listLinkedAgents = operation({
  id: 'listLinkedAgents',
  method: 'get',
  path: '/api/v1/agents/linked',
  tag: 'Agent linking',
  summary: 'List the agents linked to an organization',
  description: 'Newest first. All of them, up to 1,000, unless `limit` is given.',
  security: READ,
  cost: 1,
  query: z.object({
    organization_id: uuid,
    include_revoked: z.enum(['true', 'false']).default('false'),
    limit: z.coerce.number().int().min(1).max(100).optional(),
    offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
  }),
  success: { status: 200, description: 'The links', schema: z.array(link) },
});

export const unlinkAgent = operation({
  id: 'unlinkAgent',
  method: 'delete',
  path: '/api/v1/agents/{agent_id}/link',
  tag: 'Agent linking',
  summary: 'Unlink an agent',
  security: WRITE,
  cost: 1,
  params: z.object({ agent_id: agentIdText }),
  query: z.object({ chain_id: chainQuery, organization_id: uuid }),
  success: { status: 200, description: 'It is no longer linked', schema: z.object({ message: z.string() }) },
  errors: ['forbidden', 'not_found'],
});

export const operations = [challengeAgent, linkAgent, listLinkedAgents, unlinkAgent];
