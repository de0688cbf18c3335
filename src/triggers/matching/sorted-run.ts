/** Keys are whole numbers of so many bits, evenly spread: they are hashes. */
const KEY_SPAN = 2 ** 53;

/** Places to a cell of the directory. */
const PER_CELL = 8;

/**
 * Places of rules, in the order of a key and then of a bound: 16 bytes each, in typed arrays. A directory of half a byte a
 * place tells where a key would be, so that a look-up touches few of them: in a large run most would not be cached. A bound is kept as a 32-bit
 * float; since rounding keeps the order of numbers, whoever rounds what is looked for in the same way finds no less.
 */
export class SortedRun {
  readonly #keys: Float64Array;
  readonly #bounds: Float32Array;
  readonly #slots: Uint32Array;
  /** Where the keys of each of as many equal spans begin, and where the last ones end; empty while the run changes. */
  #directory = new Uint32Array(0);
  #size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity);
    this.#bounds = new Float32Array(capacity);
    this.#slots = new Uint32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === this.#keys.length;
  }

  get bytes(): number {
    return this.#keys.byteLength + this.#bounds.byteLength + this.#slots.byteLength + this.#directory.byteLength;
  }

  /** Makes room in the middle: for runs of a few hundred. */
  insert(key: number, bound: number, slot: number): void {
    const at = this.#firstFrom(key, Math.fround(bound));
    for (const column of [this.#keys, this.#bounds, this.#slots]) column.copyWithin(at + 1, at, this.#size);
    this.#set(at, key, bound, slot);
    this.#size += 1;
  }

  clear(): void {
    this.#size = 0;
  }

  /** Adds to `into` what stands under the key with a bound from `least` to `most`. */
  collect(key: number, least: number, most: number, into: number[]): void {
    const keys = this.#keys;
    const bounds = this.#bounds;
    const slots = this.#slots;
    const size = this.#size;
    for (let at = this.#firstFrom(key, least); at < size && keys[at] === key; at += 1) {
      if ((bounds[at] ?? 0) > most) return;
      into.push(slots[at] ?? 0);
    }
  }

  /** Both in one, without the places that `isKept` says no to. */
  static merge(one: SortedRun, other: SortedRun, isKept: (slot: number) => boolean): SortedRun {
    const merged = new SortedRun(one.#kept(isKept) + other.#kept(isKept));
    let left = 0;
    let right = 0;
    while (left < one.#size || right < other.#size) {
      const takesLeft = right >= other.#size || (left < one.#size && one.#isBefore(left, other, right));
      const from = takesLeft ? one : other;
      const at = takesLeft ? left++ : right++;
      const slot = from.#slots[at] ?? 0;
      if (!isKept(slot)) continue;
      merged.#set(merged.#size, from.#keys[at] ?? 0, from.#bounds[at] ?? 0, slot);
      merged.#size += 1;
    }
    merged.#makeDirectory();
    return merged;
  }

  #makeDirectory(): void {
    const cells = Math.ceil(this.#size / PER_CELL);
    const directory = new Uint32Array(cells + 1).fill(this.#size);
    let next = 0;
    for (let at = 0; at < this.#size; at += 1) {
      const cell = cellOf(this.#keys[at] ?? 0, cells);
      while (next <= cell) directory[next++] = at;
    }
    this.#directory = directory;
  }

  #kept(isKept: (slot: number) => boolean): number {
    let kept = 0;
    for (let at = 0; at < this.#size; at += 1) if (isKept(this.#slots[at] ?? 0)) kept += 1;
    return kept;
  }

  #isBefore(at: number, other: SortedRun, otherAt: number): boolean {
    const [key = 0, otherKey = 0] = [this.#keys[at], other.#keys[otherAt]];
    return key < otherKey || (key === otherKey && (this.#bounds[at] ?? 0) <= (other.#bounds[otherAt] ?? 0));
  }

  #set(at: number, key: number, bound: number, slot: number): void {
    this.#keys[at] = key;
    this.#bounds[at] = bound;
    this.#slots[at] = slot;
  }

  /** The first place that is not before the key and bound. */
  #firstFrom(key: number, bound: number): number {
    const keys = this.#keys;
    const bounds = this.#bounds;
    const cells = this.#directory.length - 1;
    const cell = cellOf(key, cells);
    let low = cells > 0 ? (this.#directory[cell] ?? 0) : 0;
    let high = cells > 0 ? (this.#directory[cell + 1] ?? 0) : this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = keys[middle] ?? 0;
      if (found < key || (found === key && (bounds[middle] ?? 0) < bound)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const cellOf = (key: number, cells: number) => Math.floor((key / KEY_SPAN) * cells);
