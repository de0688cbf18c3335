import { DISTINCTIVE_SELECTORS } from '../../chain/abi.ts';
import type { Expectation } from '../../chain/bloom.ts';
import type { WatchedChain } from '../../chain/chains.ts';
import type { ChainRpc } from '../../chain/rpc.ts';
import { RpcError } from '../../chain/rpc-error.ts';
import { beginSearch, learned, nextProbe } from './ancestor.ts';
import type { Choice, ChoiceDeps } from './choice.ts';
import { confirmedUpTo, finalUpTo } from './depth.ts';
import { doubted, settled } from './doubt.ts';
import { type Fetched, fetchBlocks, fetchRange } from './fetch.ts';
import type { Cursor } from './ledger.ts';
import type { Budget } from './metered.ts';
import { narrowed, widened } from './range.ts';

/** `level` with the endpoint's head; `more` to read; `doubt` about a block; `halted` below finality. */
export type Followed = 'level' | 'more' | 'doubt' | 'halted';

/** A step needs a request or two; with fewer left, the next tick goes on. */
const LEAST_REQUESTS = 4;
const MOST_BLOCKS = 32;

/** Brings the ledger to the chosen endpoint's head, as far as the budget goes. Throws an `RpcError` if a call fails. */
export async function follow(deps: ChoiceDeps, choice: Choice, budget: Budget): Promise<Followed> {
  const { ledger, memory } = deps;
  const { head, index, rpc } = choice;
  while (budget.left() >= LEAST_REQUESTS) {
    const cursor = ledger.cursor();
    if (!cursor) throw new Error('the ledger has not begun');
    const atHead = ledger.header(head.number);
    if (cursor.number >= head.number) {
      if (atHead?.hash === head.hash) {
        resume(deps);
        return 'level';
      }
      if (!(await goBack(deps, rpc, head.number))) return 'halted';
      continue;
    }
    const fetched = await readOn(deps, choice, cursor, budget);
    if (fetched?.outcome === 'diverged' && !(await goBack(deps, rpc, cursor.number + 1))) return 'halted';
    if (fetched?.outcome === 'incomplete') {
      memory.doubt = doubted(memory.doubt, fetched.blockHash, index);
      return 'doubt';
    }
  }
  return 'more';
}

/** One step: a range of final blocks or some single ones, committed when they are sound. */
async function readOn(deps: ChoiceDeps, choice: Choice, cursor: Cursor, budget: Budget): Promise<Fetched | undefined> {
  const { chain, ledger, memory } = deps;
  const { head, index, rpc } = choice;
  const final = finalUpTo(head.number, chain.finality);
  if (cursor.number < final) return readRange(deps, rpc, cursor, final, budget);
  const to = Math.min(head.number, cursor.number + Math.min(MOST_BLOCKS, Math.floor(budget.left() / 2)));
  const believed = (hash: string) => settled(memory.doubt, hash, index);
  const fetched = await fetchBlocks(rpc, cursor, to, head, expectation(chain), believed);
  if (fetched.outcome === 'segment') {
    const { number } = fetched.segment.tip;
    const confirmed = confirmedUpTo(number, chain.confirmations, -1);
    ledger.commit(fetched.segment, confirmed, finalUpTo(number, chain.finality));
    resume(deps);
  }
  return fetched;
}

/** `undefined` when the range was refused and a smaller one is to be tried. */
async function readRange(
  { chain, ledger }: ChoiceDeps,
  rpc: ChainRpc,
  cursor: Cursor,
  final: number,
  budget: Budget,
): Promise<Fetched | undefined> {
  const range = Math.min(ledger.number('range', chain.initialRange), chain.maxRange);
  const to = Math.min(cursor.number + range, final);
  let fetched: Fetched;
  try {
    fetched = await fetchRange(rpc, cursor, to, expectation(chain), budget.left() - 1);
  } catch (error) {
    const smaller = error instanceof RpcError ? narrowed(to - cursor.number, error) : undefined;
    if (smaller === undefined) throw error;
    ledger.setMeta('range', smaller);
    return undefined;
  }
  if (fetched.outcome !== 'segment') return fetched;
  const { tip, logs } = fetched.segment;
  ledger.commit(fetched.segment, confirmedUpTo(tip.number, chain.confirmations, tip.number), tip.number);
  const done = tip.number - cursor.number;
  // A segment that was cut short had more blocks with logs than a tick can look at: the rest need not come again.
  if (tip.number < to) ledger.setMeta('range', done);
  else if (done === range) ledger.setMeta('range', widened(range, logs.length, chain.maxRange));
  return fetched;
}

/**
 * Rolls back to the highest block below `differs` that the endpoint has too. `false` when they differ down to what is
 * final: then nothing is touched, since no honest chain does that, and a person has to look.
 */
async function goBack(deps: ChoiceDeps, rpc: ChainRpc, differs: number): Promise<boolean> {
  const { chain, ledger, log } = deps;
  const oldest = ledger.oldestHeader() ?? differs;
  let search = beginSearch(oldest, differs);
  for (let probe = nextProbe(search); probe !== undefined; probe = nextProbe(search)) {
    const header = await rpc.header(probe);
    if (!header) throw new RpcError('retryable', `the endpoint has no block ${probe} below its head`);
    search = learned(search, probe, header.hash === ledger.header(probe)?.hash);
  }
  const from = ledger.cursor()?.number ?? differs;
  // Only another hash at the same height is a reorganization; an endpoint's next block alone proves nothing.
  if (search.agrees === ledger.cursor()?.number) {
    throw new RpcError(
      'retryable',
      `the endpoint contradicts itself: block ${differs} does not stand on its own chain`,
    );
  }
  const start = ledger.number('start', 0);
  if (!search.seen && oldest > start) {
    halt(deps, `block ${oldest} and all above it differ from the chain's`);
    return false;
  }
  // Nothing was ever read below the start, so that there is nothing to agree on either.
  const ancestor = search.seen ? search.agrees : start - 1;
  ledger.rollback(ancestor, search.seen);
  log.warn('chain_reorganized', { chain_id: chain.id, from, to: ancestor });
  return true;
}

function halt({ chain, ledger, log }: ChoiceDeps, reason: string): void {
  if (ledger.meta('halted') === reason) return;
  ledger.setMeta('halted', reason);
  log.error('chain_halted', { chain_id: chain.id, reason });
}

/** A halt ends by itself when an endpoint shows the stored chain again. */
function resume({ chain, ledger, log }: ChoiceDeps): void {
  if (ledger.meta('halted') === undefined) return;
  ledger.setMeta('halted', undefined);
  log.info('chain_resumed', { chain_id: chain.id });
}

const expectation = (chain: WatchedChain): Expectation => ({
  addresses: Object.values(chain.registries),
  topics: DISTINCTIVE_SELECTORS,
});
