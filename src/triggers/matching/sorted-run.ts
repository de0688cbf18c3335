import { Peaks } from './peaks.ts';

/** Keys are whole numbers of so many bits, evenly spread: they are hashes. */
const KEY_SPAN = 2 ** 53;

/** Places to a cell of the directory. */
const PER_CELL = 8;

const PLACE_BYTES = 16;

/**
 * Places of rules, in the order of a key and then of a bound: 16 bytes each, which stand together, so that a look at a place
 * is a look at one line of the cache. A directory of half a byte a place tells where a key would be, so that a look-up
 * touches few places: in a large run most would not be cached. A bound is kept as a 32-bit float; since rounding keeps the order of
 * numbers, whoever rounds what is looked for in the same way finds no less.
 *
 * A run of windows keeps a second bound for each place, the upper end: some four bytes more.
 */
export class SortedRun {
  /** The places: key, bound and slot in 8, 4 and 4 bytes. */
  readonly #keys: Float64Array;
  readonly #bounds: Float32Array;
  readonly #slots: Uint32Array;
  /** The upper ends, by place; only of windows. */
  readonly #tops: Float32Array | undefined;
  #peaks: Peaks | undefined;
  /** Where the keys of each of as many equal spans begin, and where the last ones end; empty while the run changes. */
  #directory = new Uint32Array(0);
  #size = 0;

  constructor(capacity: number, ofWindows: boolean) {
    const places = new ArrayBuffer(capacity * PLACE_BYTES);
    this.#keys = new Float64Array(places);
    this.#bounds = new Float32Array(places);
    this.#slots = new Uint32Array(places);
    this.#tops = ofWindows ? new Float32Array(capacity) : undefined;
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size * 2 === this.#keys.length;
  }

  get bytes(): number {
    const tops = this.#tops?.byteLength ?? 0;
    return this.#keys.byteLength + tops + (this.#peaks?.bytes ?? 0) + this.#directory.byteLength;
  }

  /** Makes room in the middle: for runs of a few hundred. `top` is the upper end of a window. */
  insert(key: number, bound: number, slot: number, top = 0): void {
    const at = this.#firstFrom(key, Math.fround(bound));
    this.#keys.copyWithin(2 * (at + 1), 2 * at, 2 * this.#size);
    this.#tops?.copyWithin(at + 1, at, this.#size);
    this.#set(at, key, bound, slot, top);
    this.#size += 1;
  }

  clear(): void {
    this.#size = 0;
  }

  /** Adds to `into` what stands under the key with a bound from `least` to `most`. */
  collect(key: number, least: number, most: number, into: number[]): void {
    const keys = this.#keys;
    const size = this.#size;
    for (let at = this.#firstFrom(key, least); at < size && keys[2 * at] === key; at += 1) {
      if ((this.#bounds[4 * at + 2] ?? 0) > most) return;
      into.push(this.#slots[4 * at + 3] ?? 0);
    }
  }

  /** Adds to `into` the windows under the key that the number, rounded as bounds are, is in. */
  collectAround(key: number, number: number, into: number[]): void {
    const tops = this.#tops;
    if (!tops) return;
    const peaks = this.#peaks;
    const end = this.#firstFrom(key, number, true);
    for (let at = this.#firstFrom(key, Number.NEGATIVE_INFINITY); at < end; ) {
      const skipped = peaks ? peaks.below(at, number) : 0;
      at += skipped;
      if (skipped > 0) continue;
      if ((tops[at] ?? 0) >= number) into.push(this.#slots[4 * at + 3] ?? 0);
      at += 1;
    }
  }

  /** Both in one, without the places that `isKept` says no to. */
  static merge(one: SortedRun, other: SortedRun, isKept: (slot: number) => boolean): SortedRun {
    const merged = new SortedRun(one.#kept(isKept) + other.#kept(isKept), one.#tops !== undefined);
    let left = 0;
    let right = 0;
    while (left < one.#size || right < other.#size) {
      const takesLeft = right >= other.#size || (left < one.#size && one.#isBefore(left, other, right));
      const from = takesLeft ? one : other;
      const at = takesLeft ? left++ : right++;
      const slot = from.#slots[4 * at + 3] ?? 0;
      if (!isKept(slot)) continue;
      merged.#set(merged.#size, from.#keys[2 * at] ?? 0, from.#bounds[4 * at + 2] ?? 0, slot, from.#tops?.[at] ?? 0);
      merged.#size += 1;
    }
    merged.#makeDirectory();
    if (merged.#tops) merged.#peaks = new Peaks(merged.#tops);
    return merged;
  }

  #makeDirectory(): void {
    const cells = Math.ceil(this.#size / PER_CELL);
    const directory = new Uint32Array(cells + 1).fill(this.#size);
    let next = 0;
    for (let at = 0; at < this.#size; at += 1) {
      const cell = cellOf(this.#keys[2 * at] ?? 0, cells);
      while (next <= cell) directory[next++] = at;
    }
    this.#directory = directory;
  }

  #kept(isKept: (slot: number) => boolean): number {
    let kept = 0;
    for (let at = 0; at < this.#size; at += 1) if (isKept(this.#slots[4 * at + 3] ?? 0)) kept += 1;
    return kept;
  }

  #isBefore(at: number, other: SortedRun, otherAt: number): boolean {
    const key = this.#keys[2 * at] ?? 0;
    const otherKey = other.#keys[2 * otherAt] ?? 0;
    if (key !== otherKey) return key < otherKey;
    return (this.#bounds[4 * at + 2] ?? 0) <= (other.#bounds[4 * otherAt + 2] ?? 0);
  }

  #set(at: number, key: number, bound: number, slot: number, top: number): void {
    this.#keys[2 * at] = key;
    this.#bounds[4 * at + 2] = bound;
    this.#slots[4 * at + 3] = slot;
    if (this.#tops) this.#tops[at] = top;
  }

  /** The first place that is not before the key and bound; or, `after` them, the first that is behind. */
  #firstFrom(key: number, bound: number, after = false): number {
    const keys = this.#keys;
    const bounds = this.#bounds;
    const cells = this.#directory.length - 1;
    let low = 0;
    let high = this.#size;
    if (cells > 0) {
      const cell = cellOf(key, cells);
      low = this.#directory[cell] ?? 0;
      high = this.#directory[cell + 1] ?? 0;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = keys[2 * middle] ?? 0;
      const isBefore = found === key ? isBelow(bounds[4 * middle + 2] ?? 0, bound, after) : found < key;
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const isBelow = (one: number, other: number, orSame: boolean) => one < other || (orSame && one === other);

const cellOf = (key: number, cells: number) => Math.floor((key / KEY_SPAN) * cells);
