import { SortedRun } from './sorted-run.ts';

/** Places of the first run, and by how much each run may be longer than the one before it. */
const FIRST = 256;
const FACTOR = 16;

/**
 * Sorted places that change without ever being sorted anew: what is added goes into a short run, and a run that has become
 * too long is merged into the next one (a log-structured merge tree). A place is moved at most some 16 times for each of a
 * handful of runs, and a look-up searches each run once.
 */
export class SortedRuns {
  readonly #first: SortedRun;
  /** Behind the first, shorter ones before longer ones. */
  readonly #rest: SortedRun[] = [];
  readonly #ofWindows: boolean;
  readonly #isKept: (slot: number) => boolean;

  /** `isKept`: whether a place is still wanted; the others go when their run is merged. */
  constructor({ ofWindows }: { ofWindows: boolean }, isKept: (slot: number) => boolean) {
    this.#first = new SortedRun(FIRST, ofWindows);
    this.#ofWindows = ofWindows;
    this.#isKept = isKept;
  }

  get bytes(): number {
    return this.#rest.reduce((sum, run) => sum + run.bytes, this.#first.bytes);
  }

  /** `top` is the upper end of a window, whose lower end the bound is. */
  add(key: number, bound: number, slot: number, top?: number): void {
    if (this.#first.isFull) this.#makeRoom();
    this.#first.insert(key, bound, slot, top);
  }

  collect(key: number, least: number, most: number, into: number[]): void {
    this.#first.collect(key, least, most, into);
    for (const run of this.#rest) run.collect(key, least, most, into);
  }

  collectAround(key: number, number: number, into: number[]): void {
    this.#first.collectAround(key, number, into);
    for (const run of this.#rest) run.collectAround(key, number, into);
  }

  /** Makes one run of all, with nothing in it that is not wanted. */
  compact(): void {
    const runs = [this.#first, ...this.#rest];
    const all = runs.reduce((sum, run) => SortedRun.merge(sum, run, this.#isKept), this.#none());
    this.#rest.length = 0;
    this.#first.clear();
    if (all.size > 0) this.#settle(all);
  }

  /** Merges the first run, and those behind it for as long as the sum is longer than its place allows. */
  #makeRoom(): void {
    let merged = SortedRun.merge(this.#first, this.#none(), this.#isKept);
    this.#first.clear();
    for (let level = 0; ; level += 1) {
      const run = this.#rest[level];
      if (run) merged = SortedRun.merge(merged, run, this.#isKept);
      this.#rest[level] = this.#none();
      if (merged.size <= capacityOf(level)) {
        this.#rest[level] = merged;
        return;
      }
    }
  }

  #settle(run: SortedRun): void {
    let level = 0;
    while (run.size > capacityOf(level)) this.#rest[level++] = this.#none();
    this.#rest[level] = run;
  }

  #none(): SortedRun {
    return new SortedRun(0, this.#ofWindows);
  }
}

const capacityOf = (level: number) => FIRST * FACTOR ** (level + 1);
