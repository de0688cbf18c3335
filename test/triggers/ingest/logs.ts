import { type AbiEvent, encodeAbiParameters, encodeEventTopics, type Hex } from 'viem';
import { emit, REGISTRIES as STUBS } from '../../../scripts/stack/registries.ts';
import { callRpc } from '../../../scripts/stack/rpc.ts';
import { REGISTRY_EVENTS } from '../../../src/chain/abi.ts';
import type { Registry } from '../../../src/chain/events.ts';

/** A log for a stub registry to emit. */
export interface Log {
  to: Hex;
  topics: Hex[];
  data: Hex;
}

export function encodeLog(registry: Registry, name: string, args: Record<string, unknown>): Log {
  const event = REGISTRY_EVENTS[registry].find((candidate: AbiEvent) => candidate.name === name);
  if (!event) throw new Error(`the ${registry} registry has no event ${name}`);
  const plain = event.inputs.filter((input) => !input.indexed);
  const values = plain.map((input) => args[input.name ?? '']);
  return {
    to: STUBS[registry],
    topics: encodeEventTopics({ abi: [event], args }) as Hex[],
    data: encodeAbiParameters(plain, values),
  };
}

const OWNER = '0x8ba1f109551bd432803012645ac136ddd64dba72';

export const registered = (agentId: number, agentURI = '') =>
  encodeLog('identity', 'Registered', { agentId: BigInt(agentId), agentURI, owner: OWNER });

/** Mines one block that holds the logs, on a chain that does not mine by itself. */
export async function mine(url: string, ...logs: Log[]): Promise<void> {
  for (const { to, topics, data } of logs) await emit(url, to, topics, data);
  await callRpc(url, 'evm_mine', []);
}
