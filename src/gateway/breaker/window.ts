/**
 * Calls of the last while, counted in buckets: what is older than the window drops out a tenth of it at a time. Counting
 * and reading take the same time whatever the number of calls.
 */
export interface CallWindow {
  windowMs: number;
  bucketMs: number;
  /** Three figures a bucket: calls, failures, slow calls. */
  figures: Float64Array;
  /** Which bucket since 1970 is the newest one. */
  newest: number;
  calls: number;
  failures: number;
  slow: number;
}

/** Some calls, as they are counted. */
export interface Calls {
  calls: number;
  failures: number;
  slow: number;
}

const BUCKETS = 10;
const FIGURES = 3;

export const newWindow = (windowMs: number): CallWindow => ({
  windowMs,
  bucketMs: Math.max(1, Math.ceil(windowMs / BUCKETS)),
  figures: new Float64Array(BUCKETS * FIGURES),
  newest: 0,
  calls: 0,
  failures: 0,
  slow: 0,
});

/** Counts calls that ended just now, of which so many failed and so many were slow. */
export function count(window: CallWindow, now: number, calls: number, failures: number, slow: number): void {
  slide(window, now);
  const at = (window.newest % BUCKETS) * FIGURES;
  const { figures } = window;
  figures[at] = (figures[at] ?? 0) + calls;
  figures[at + 1] = (figures[at + 1] ?? 0) + failures;
  figures[at + 2] = (figures[at + 2] ?? 0) + slow;
  window.calls += calls;
  window.failures += failures;
  window.slow += slow;
}

/** Drops what the window has left behind. A clock that went back changes nothing. */
export function slide(window: CallWindow, now: number): void {
  const bucket = Math.floor(now / window.bucketMs);
  const passed = Math.min(bucket - window.newest, BUCKETS);
  if (passed <= 0) return;
  for (let step = 1; step <= passed; step += 1) drop(window, ((bucket - passed + step) % BUCKETS) * FIGURES);
  window.newest = bucket;
}

function drop(window: CallWindow, at: number): void {
  const { figures } = window;
  window.calls -= figures[at] ?? 0;
  window.failures -= figures[at + 1] ?? 0;
  window.slow -= figures[at + 2] ?? 0;
  figures.fill(0, at, at + FIGURES);
}

export function empty(window: CallWindow): void {
  window.figures.fill(0);
  window.calls = 0;
  window.failures = 0;
  window.slow = 0;
}
