import type { RpcError } from '../../chain/rpc-error.ts';

/** Answers with more logs than this do not make the next range wider. */
const FULL_ANSWER = 2_000;

/** The next range after one that was served. It grows by half: providers' limits are found without falling far back. */
export const widened = (range: number, logs: number, maxRange: number): number =>
  logs > FULL_ANSWER ? range : Math.min(maxRange, Math.ceil(range * 1.5));

/**
 * The next range after a refusal, or `undefined` when the refusal is not about the range, or the range cannot shrink.
 * A timeout also counts: a node that is slow over many blocks may be quick over few.
 */
export function narrowed(range: number, error: RpcError): number | undefined {
  if (error.fault !== 'range_too_large' && error.fault !== 'timeout') return undefined;
  if (range <= 1) return undefined;
  const half = Math.floor(range / 2);
  const suggested = error.suggestedRange;
  return suggested !== undefined && suggested < range ? suggested : half;
}
