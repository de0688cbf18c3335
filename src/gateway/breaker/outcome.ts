/** How a call to an upstream ended. Times are milliseconds, until the answer's header fields were there. */
export type Outcome =
  | { kind: 'answered'; status: number; durationMs: number }
  /** No answer came: refused, reset, timed out, or nothing to connect to. */
  | { kind: 'failed'; reason: string }
  /** The caller went away, or the call was given up for a reason that is not the upstream's. */
  | { kind: 'aborted' };

export interface Verdict {
  failed: boolean;
  slow: boolean;
}

/**
 * What the outcome says of the upstream; `undefined` when it says nothing.
 *
 * A failure is what the upstream is to blame for and what another upstream may do better: no answer, and 500, 502, 503
 * and 504 (RFC 9110 §15.6). 501 and 505 are answers about the request, as are all 4xx: 429 says that the caller is to
 * slow down, and opening a breaker over it would let one greedy caller close the door to the others. 520 to 530 are what
 * Cloudflare answers in place of an origin that it cannot reach or understand, and what `fetch` gives back for an
 * upstream that is itself behind Cloudflare.
 * https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
 */
export function judge(outcome: Outcome, slowCallMs: number): Verdict | undefined {
  if (outcome.kind === 'aborted') return undefined;
  if (outcome.kind === 'failed') return FAILED;
  const failed = saysBroken(outcome.status);
  const slow = outcome.durationMs >= slowCallMs;
  if (slow) return failed ? FAILED_SLOWLY : SLOW;
  return failed ? FAILED : GOOD;
}

const GOOD: Verdict = { failed: false, slow: false };
const SLOW: Verdict = { failed: false, slow: true };
const FAILED: Verdict = { failed: true, slow: false };
const FAILED_SLOWLY: Verdict = { failed: true, slow: true };

const saysBroken = (status: number) =>
  status >= 500 && (status === 500 || (status >= 502 && status <= 504) || (status >= 520 && status <= 530));
