import { RpcError } from '../../chain/rpc-error.ts';
import { type ChoiceDeps, chooseEndpoint, reportFailure } from './choice.ts';
import { type DrainDeps, drain } from './drain.ts';
import { candidates, rotated, succeeded } from './endpoints.ts';
import { follow } from './follow.ts';
import { newBudget } from './metered.ts';
import { begin, type StartDeps } from './start.ts';

export type TickDeps = ChoiceDeps & DrainDeps & StartDeps;

const REQUESTS = 40;
const MILLISECONDS = 20_000;
/** With so much undelivered, reading waits: the chain keeps its blocks, while the ledger would only grow. */
const BACKLOG = 10_000;

/**
 * One round of a chain's watcher: read what is new from one endpoint into the ledger, then deliver the ledger's outbox
 * to Postgres. Either half may fail without the other; nothing is lost, as each goes on from what the ledger holds.
 * Answers whether there is more to do at once.
 */
export async function tick(deps: TickDeps): Promise<boolean> {
  const unread = deps.ledger.outboxSize() < BACKLOG && (await attempt(deps, 'chain_read_failed', () => read(deps)));
  const undelivered = await attempt(deps, 'chain_delivery_failed', () => drain(deps));
  return unread || undelivered;
}

async function attempt(
  { chain, log, memory }: TickDeps,
  event: string,
  work: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await work();
  } catch (error) {
    memory.lastError = rootOf(error);
    log.error(event, { chain_id: chain.id, error: memory.lastError });
    return false;
  }
}

async function read(deps: TickDeps): Promise<boolean> {
  const { memory, ledger, clock } = deps;
  const budget = newBudget(REQUESTS, MILLISECONDS, clock);
  const choice = await chooseEndpoint(deps, budget);
  if (!choice) return false;
  const elsewhere = () => candidates(memory.endpoints, clock().getTime()).length > 0;
  try {
    if (!ledger.cursor() && !(await begin(deps, choice.rpc, choice.head))) {
      memory.lastError = `the chain ends at block ${choice.head.number}, before the block to start at`;
      return false;
    }
    const followed = await follow(deps, choice, budget);
    switch (followed) {
      case 'doubt':
        deps.log.warn('logs_doubted', {
          chain_id: deps.chain.id,
          block: memory.doubt?.blockHash,
          endpoint: choice.index,
        });
        memory.endpoints = rotated(memory.endpoints);
        return true;
      case 'halted':
        reportFailure(deps, choice.index, new RpcError('other', 'its chain differs below finality'));
        return elsewhere();
      default:
        memory.endpoints = succeeded(memory.endpoints, choice.index);
        memory.lastError = undefined;
        return followed === 'more';
    }
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    reportFailure(deps, choice.index, error);
    return elsewhere();
  }
}

const LONGEST_REASON = 300;

/** The innermost cause, shortened: a failed statement's own message repeats every value, whole logs among them. */
function rootOf(error: unknown): string {
  if (error instanceof Error && error.cause !== undefined) return rootOf(error.cause);
  return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, LONGEST_REASON);
}
