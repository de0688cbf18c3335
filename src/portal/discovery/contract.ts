import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { timestamp } from '../../http/shapes.ts';

const PUBLIC = { security: { kind: 'public' }, cost: 0, method: 'get', tag: 'Discovery' } as const;

const supportedChain = z.object({ chain_id: z.int(), name: z.string(), registries: z.array(z.string()) });

const layer = z.object({ enabled: z.boolean(), features: z.array(z.string()) });

export const agentDocument = z
  .object({
    name: z.string(),
    version: z.string(),
    description: z.string(),
    api_version: z.string(),
    base_url: z.url(),
    capabilities: z.object({
      push_layer: layer.extend({ supported_chains: z.array(supportedChain) }),
      pull_layer: layer.extend({ note: z.string() }),
      authentication: z.object({ methods: z.array(z.string()), oauth2_supported: z.boolean() }),
      rate_limiting: z.object({
        enabled: z.boolean(),
        tiers: z.array(z.object({ tier: z.string(), rate_limit: z.string(), authentication: z.string() })),
      }),
    }),
    endpoints: z.object({
      api_documentation: z.url(),
      health_check: z.url(),
      authentication: z.object({ register: z.url(), login: z.url() }),
      triggers: z.url(),
    }),
    contact: z.object({ email: z.string(), github: z.string(), documentation: z.string() }),
    protocol_version: z.string(),
    generated_at: timestamp,
  })
  .meta({ id: 'AgentDocument' });

export type AgentDocument = z.output<typeof agentDocument>;

const agentCard = z
  .object({
    name: z.string(),
    description: z.string(),
    version: z.string(),
    documentationUrl: z.string(),
    supportedInterfaces: z.array(z.object({ url: z.url(), protocolBinding: z.string(), protocolVersion: z.string() })),
    provider: z.object({ organization: z.string(), url: z.url() }),
    capabilities: z.object({ streaming: z.boolean(), pushNotifications: z.boolean() }),
    defaultInputModes: z.array(z.string()),
    defaultOutputModes: z.array(z.string()),
    skills: z.array(z.object({ id: z.string(), name: z.string(), description: z.string(), tags: z.array(z.string()) })),
  })
  .meta({ id: 'AgentCard' });

export const getAgentDocument = operation({
  ...PUBLIC,
  id: 'getAgentDocument',
  path: '/.well-known/agent.json',
  summary: 'What this deployment is and can do',
  description: 'Cached for one hour; readable from any origin.',
  success: { status: 200, description: 'The document', schema: agentDocument },
});

export const getAgentCard = operation({
  ...PUBLIC,
  id: 'getAgentCard',
  path: '/.well-known/agent-card.json',
  summary: 'The A2A agent card',
  description: 'Cached for one hour; readable from any origin.',
  success: { status: 200, description: 'The card', schema: agentCard },
});

export const operations = [getAgentDocument, getAgentCard];
