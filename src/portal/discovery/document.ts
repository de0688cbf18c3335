import type { WatchedChain } from '../../chain/chains.ts';
import { VERSION } from '../../kernel/version.ts';
import type { AgentDocument } from './contract.ts';

/** What the documents are made from: the running configuration. */
export interface Deployment {
  baseUrl: string;
  contact: { email: string; github: string; documentation: string };
  chains: readonly WatchedChain[];
  /** Every plan that is advertised, with its quota units an hour and what a caller shows to have it. */
  plans: readonly { name: string; unitsPerHour: number; authentication: 'none' | 'api_key' }[];
}

const NAME = 'ERC-8004 Backend API';
const DESCRIPTION =
  'Real-time backend infrastructure for monitoring and reacting to ERC-8004 on-chain agent economy events';

/**
 * Every key of the documented example; the values say what this deployment really does. `generated_at` is added when
 * the document is cached.
 */
export function agentDocumentOf({ baseUrl, contact, chains, plans }: Deployment): Omit<AgentDocument, 'generated_at'> {
  return {
    name: NAME,
    version: VERSION,
    description: DESCRIPTION,
    api_version: 'v1',
    base_url: baseUrl,
    capabilities: {
      push_layer: {
        enabled: chains.length > 0,
        features: ['multi_chain_monitoring', 'programmable_triggers', 'rest_webhooks'],
        supported_chains: chains.map((chain) => ({
          chain_id: chain.id,
          name: chain.name,
          registries: Object.keys(chain.registries),
        })),
      },
      pull_layer: { enabled: false, features: [], note: 'Queries over indexed events are not part of this release' },
      authentication: { methods: ['jwt', 'api_key', 'wallet_signature'], oauth2_supported: false },
      rate_limiting: {
        enabled: true,
        tiers: plans.map(({ name, unitsPerHour, authentication }) => ({
          tier: name,
          rate_limit: `${unitsPerHour} calls/hour`,
          authentication,
        })),
      },
    },
    endpoints: {
      api_documentation: `${baseUrl}/docs`,
      health_check: `${baseUrl}/api/v1/health`,
      authentication: { register: `${baseUrl}/api/v1/auth/register`, login: `${baseUrl}/api/v1/auth/login` },
      triggers: `${baseUrl}/api/v1/triggers`,
    },
    contact,
    protocol_version: 'erc-8004-v1.0',
  };
}

/** A2A 1.0 agent card (https://a2a-protocol.org). */
export const agentCardOf = ({ baseUrl, contact }: Deployment) => ({
  name: NAME,
  description: DESCRIPTION,
  version: VERSION,
  documentationUrl: contact.documentation,
  supportedInterfaces: [{ url: `${baseUrl}/api/v1`, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' }],
  provider: { organization: 'Weir', url: baseUrl },
  capabilities: { streaming: false, pushNotifications: false },
  defaultInputModes: ['application/json'],
  defaultOutputModes: ['application/json'],
  skills: [
    {
      id: 'triggers',
      name: 'Act on ERC-8004 events',
      description:
        'Watches the identity, reputation and validation registries and calls an address when conditions hold',
      tags: ['erc-8004', 'triggers', 'webhooks'],
    },
  ],
});
