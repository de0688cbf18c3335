import type { ChainRpc } from '../../chain/rpc.ts';
import type { Clock } from '../../kernel/clock.ts';

/** What one tick may still spend: requests to the endpoint, and time. */
export interface Budget {
  /** Requests left, 0 when the time is over. */
  left(): number;
  spend(): void;
}

export function newBudget(requests: number, milliseconds: number, clock: Clock): Budget {
  const end = clock().getTime() + milliseconds;
  let remaining = requests;
  return {
    left: () => (clock().getTime() < end ? Math.max(remaining, 0) : 0),
    spend() {
      remaining -= 1;
    },
  };
}

/** The endpoint, with every request counted. Nothing is refused: whoever plans requests asks what is left first. */
export function metered(rpc: ChainRpc, budget: Budget): ChainRpc {
  const counted =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    (...given: A) => {
      budget.spend();
      return call(...given);
    };
  return {
    chainId: counted(rpc.chainId),
    head: counted(rpc.head),
    header: counted(rpc.header),
    logsOfBlock: counted(rpc.logsOfBlock),
    logsInRange: counted(rpc.logsInRange),
    hasCode: counted(rpc.hasCode),
  };
}
