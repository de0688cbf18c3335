import { WINDOW_MS } from '../../../src/quota/state.ts';
import type { Verdict } from '../../../src/quota/verdict.ts';
import type { ModelObject } from '../model/object.ts';

interface Sold {
  /** When the object's clock shows its end, in real time. */
  endsAt: number;
  granted: number;
  /** Units that the object was told of afterwards. */
  degraded: number;
}

/** What was let through in which window, by the verdicts that callers got. */
export class Sales {
  readonly #limit: number;
  readonly #object: ModelObject;
  readonly #windows = new Map<number, Sold>();
  #degraded = 0;
  #missed: string[] = [];

  constructor(limit: number, object: ModelObject) {
    this.#limit = limit;
    this.#object = object;
  }

  /** `toRealTime` turns what the isolate's clock shows into real time, as it was when the request came. */
  book(verdict: Verdict, units: number, toRealTime: (at: number) => number): void {
    const figures = 'status' in verdict ? verdict.status?.limits[0] : undefined;
    if (figures?.name === 'degraded') this.#degraded += 1;
    if (!verdict.ok || figures?.name === 'degraded') return;
    this.look();
    const window =
      figures && (this.#windows.get(figures.resetAt - WINDOW_MS) ?? this.#nearest(toRealTime(figures.resetAt)));
    if (window) window.granted += units;
    else this.#missed.push('a grant that belongs to no window');
  }

  /** An isolate tells the end of the window by its own clock; windows are an hour apart, and clocks seconds. */
  #nearest(end: number): Sold | undefined {
    const windows = [...this.#windows.values()].slice(-2);
    return windows.sort((a, b) => Math.abs(a.endsAt - end) - Math.abs(b.endsAt - end))[0];
  }

  /** Notes the windows that there are. */
  look(): void {
    for (const [startedAt, { row }] of this.#object.state.windows) {
      const known = this.#windows.get(startedAt);
      const endsAt = known?.endsAt ?? this.#object.clock.realTime(startedAt + WINDOW_MS);
      this.#windows.set(startedAt, { endsAt, granted: known?.granted ?? 0, degraded: row.degraded.units });
    }
  }

  /** Of the windows that have ended. */
  outcome(now: number) {
    if (this.#missed.length > 0) throw new Error(`${this.#missed.length} times ${this.#missed[0]}`);
    const whole = [...this.#windows.values()].filter(({ endsAt }) => endsAt <= now);
    const missing = whole.map(({ granted, degraded }) => Math.max(0, this.#limit - granted - degraded));
    return {
      windows: whole.length,
      oversold: Math.max(0, ...[...this.#windows.values()].map(({ granted }) => granted - this.#limit)),
      undersold: missing.reduce((a, b) => a + b, 0) / (this.#limit * Math.max(1, whole.length)),
      degraded: this.#degraded,
    };
  }
}
