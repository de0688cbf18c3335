import type { WatchedChain } from '../../chain/chains.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import type { Ledger } from './ledger.ts';
import type { WatcherMemory } from './memory.ts';

/** What a watcher tells of itself. Heights are `null` before the first tick. */
export interface WatcherStatus {
  chainId: number;
  /** The first block that was read, and the last one. */
  startBlock: number | null;
  cursor: number | null;
  /** The highest head that an endpoint showed since the object woke. */
  head: number | null;
  /** When that head was first seen (RFC 3339): long ago means that no endpoint has news of the chain. */
  headSince: string | null;
  /** Blocks that are still to be read. */
  lag: number | null;
  /** Why the watcher does not go on: the chain was reorganized below what counts as final. */
  halted: string | null;
  /** Place of the endpoint in use in the chain's list, from 0. */
  endpoint: number;
  endpoints: number;
  /** The number of the newest feed entry. */
  seq: number;
  /** Entries that Postgres has not acknowledged. */
  outbox: number;
  /** Logs and headers in memory: those not final, or not delivered. */
  logs: number;
  headers: number;
  /** Logs of the registries, so far, that no known event shape fits. */
  undecoded: number;
  /** What went wrong last, unless the last round went well. */
  lastError: string | null;
}

export function statusOf(chain: WatchedChain, ledger: Ledger, memory: WatcherMemory | undefined): WatcherStatus {
  const begun = ledger.cursor();
  const head = memory?.head?.number ?? null;
  return {
    chainId: chain.id,
    startBlock: begun ? ledger.number('start', 0) : null,
    cursor: begun?.number ?? null,
    head,
    headSince: memory?.head ? rfc3339(new Date(memory.head.since)) : null,
    lag: begun && head !== null ? Math.max(head - begun.number, 0) : null,
    halted: ledger.meta('halted') ?? null,
    endpoint: memory?.endpoints.current ?? 0,
    endpoints: chain.rpcUrls.length,
    seq: ledger.number('seq', 0),
    ...ledger.counts(),
    undecoded: ledger.number('undecoded', 0),
    lastError: memory?.lastError ?? null,
  };
}
