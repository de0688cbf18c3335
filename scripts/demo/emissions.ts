import { encodeAbiParameters, encodeEventTopics, type Hex } from 'viem';
import { REGISTRY_EVENTS } from '../../src/chain/abi.ts';
import type { Registry } from '../../src/chain/events.ts';

/** A log as a registry would emit it. */
export interface Emission {
  registry: Registry;
  topics: Hex[];
  data: Hex;
}

/** Encodes an event of a registry from its arguments by name. Throws for an event or argument that is not in the ABI. */
function emission(registry: Registry, eventName: string, args: Record<string, unknown>): Emission {
  const event = REGISTRY_EVENTS[registry].find(({ name }) => name === eventName);
  if (!event) throw new Error(`the ${registry} registry has no event ${eventName}`);
  const plain = event.inputs.filter((input) => !input.indexed);
  return {
    registry,
    topics: encodeEventTopics({ abi: [event], args }).filter((topic): topic is Hex => typeof topic === 'string'),
    data: encodeAbiParameters(
      plain,
      plain.map((input) => args[input.name ?? '']),
    ),
  };
}

export const registered = (agentId: bigint, owner: Hex) =>
  emission('identity', 'Registered', { agentId, agentURI: `https://agents.example/${agentId}.json`, owner });

export const transferred = (agentId: bigint, from: Hex, to: Hex) =>
  emission('identity', 'Transfer', { from, to, tokenId: agentId });

/** Feedback with a score of `value / 10^decimals`. */
export const newFeedback = (agentId: bigint, clientAddress: Hex, value: bigint, valueDecimals: number) =>
  emission('reputation', 'NewFeedback', {
    agentId,
    clientAddress,
    feedbackIndex: 1n,
    value,
    valueDecimals,
    indexedTag1: 'starred',
    tag1: 'starred',
    tag2: '',
    endpoint: '',
    feedbackURI: '',
    feedbackHash: `0x${'0'.repeat(64)}`,
  });
