import { trips } from '../breaker/breaker.ts';
import { judge, type Outcome, type Verdict } from '../breaker/outcome.ts';
import { count, empty, newWindow } from '../breaker/window.ts';
import type { CompiledPool } from '../compiled.ts';
import { type ApiCell, isOpen, OWN_PERMIT, type UpstreamCell } from './cell.ts';

/** One call as it began. */
export interface Begun {
  generation: number;
  /** Of a probe. */
  permitId: string | undefined;
}

/**
 * Takes in how a call ended.
 * @returns whether the object should hear of it at once
 */
export function takeOutcome(
  cell: ApiCell,
  pool: CompiledPool,
  upstream: UpstreamCell,
  begun: Begun,
  outcome: Outcome,
  now: number,
): boolean {
  upstream.pending -= 1;
  const verdict = judge(outcome, pool.breaker.slowCallMs);
  if (begun.permitId !== undefined) return takeProbe(cell, pool, upstream, begun.permitId, verdict, now);
  if (!verdict || begun.generation !== upstream.generation || isOpen(upstream)) return false;
  note(upstream, pool, verdict, now);
  return verdict.failed || verdict.slow ? openOrEject(cell, pool, upstream, now) : false;
}

function note(upstream: UpstreamCell, { breaker }: CompiledPool, { failed, slow }: Verdict, now: number): void {
  if (upstream.window?.windowMs !== breaker.windowMs) upstream.window = newWindow(breaker.windowMs);
  count(upstream.window, now, 1, failed ? 1 : 0, slow ? 1 : 0);
  upstream.failuresInARow = failed ? upstream.failuresInARow + 1 : 0;
  // Counts that are older than the window would be taken for new ones.
  if (!upstream.counts || now - upstream.countedAt > breaker.windowMs) {
    upstream.counts = { id: upstream.id, calls: 0, failures: 0, slow: 0, failuresInARow: 0 };
  }
  const { counts } = upstream;
  counts.calls += 1;
  if (failed) counts.failures += 1;
  if (slow) counts.slow += 1;
  counts.failuresInARow = failed ? counts.failuresInARow + 1 : 0;
  upstream.countedAt = now;
}

/** An isolate that has seen enough waits for nobody. */
function openOrEject(cell: ApiCell, { breaker, ejection }: CompiledPool, upstream: UpstreamCell, now: number): boolean {
  if (upstream.window && trips(upstream.window, breaker)) {
    openHere(cell, upstream, now + breaker.openMs);
    return true;
  }
  if (upstream.failuresInARow < ejection.consecutiveFailures || upstream.ejectedUntil > now) return false;
  upstream.ejectedUntil = now + ejection.forMs;
  upstream.failuresInARow = 0;
  cell.changes += 1;
  return true;
}

function openHere(cell: ApiCell, upstream: UpstreamCell, until: number): void {
  upstream.openUntil = until;
  changed(cell, upstream);
}

/** After a change of its breaker: what was counted before says nothing any more. */
export function changed(cell: ApiCell, upstream: UpstreamCell): void {
  upstream.generation += 1;
  upstream.failuresInARow = 0;
  if (upstream.window) empty(upstream.window);
  cell.changes += 1;
}

/** What becomes of the breaker is for the object to say; only an isolate that cannot ask it decides by itself. */
function takeProbe(
  cell: ApiCell,
  pool: CompiledPool,
  upstream: UpstreamCell,
  permitId: string,
  verdict: Verdict | undefined,
  now: number,
): boolean {
  if (permitId !== OWN_PERMIT) {
    const result = verdict ? (isGood(verdict) ? 'succeeded' : 'failed') : 'unused';
    cell.results.push({ upstream: upstream.id, permitId, result });
    return true;
  }
  if (!verdict) upstream.openUntil = now;
  else if (isGood(verdict)) {
    upstream.shared = 'closed';
    upstream.backSince = now;
    openHere(cell, upstream, 0);
  } else openHere(cell, upstream, now + pool.breaker.openMs);
  return false;
}

/** What opened the breaker, a probe must not show either. */
const isGood = ({ failed, slow }: Verdict) => !failed && !slow;
