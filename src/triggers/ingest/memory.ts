import type { ChainRpc } from '../../chain/rpc.ts';
import type { Doubt } from './doubt.ts';
import { type EndpointTable, newEndpointTable } from './endpoints.ts';

/** What a watcher knows only while its object lives; losing it costs a few requests. */
export interface WatcherMemory {
  readonly rpcs: readonly ChainRpc[];
  endpoints: EndpointTable;
  /** Endpoints that have proved to serve the right chain. */
  readonly rightChain: Set<number>;
  doubt: Doubt | undefined;
  /** The highest head that was seen, and when it came (milliseconds since 1970). */
  head: { number: number; since: number } | undefined;
  lastError: string | undefined;
}

export const newMemory = (rpcs: readonly ChainRpc[]): WatcherMemory => ({
  rpcs,
  endpoints: newEndpointTable(rpcs.length),
  rightChain: new Set(),
  doubt: undefined,
  head: undefined,
  lastError: undefined,
});
