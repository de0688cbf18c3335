import { hash53 } from './hash.ts';

const EMPTY = 0;

/**
 * Finds slots by the id of what is in them: a hash table of slots alone, 5 to 11 bytes an id, where a `Map` would take
 * some 40. Collisions are resolved by linear probing; a removal moves what follows back into the gap (Knuth, The Art of
 * Computer Programming, volume 3, §6.4, algorithm R), so that no mark of it stays.
 */
export class SlotTable {
  /** Slots, plus one. */
  #cells = new Uint32Array(16);
  #size = 0;
  readonly #idOf: (slot: number) => string | undefined;

  constructor(idOf: (slot: number) => string | undefined) {
    this.#idOf = idOf;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#cells.byteLength;
  }

  get(id: string): number | undefined {
    const cell = this.#cells[this.#find(id)] ?? EMPTY;
    return cell === EMPTY ? undefined : cell - 1;
  }

  /** The slot must hold the id already, and the id must not be in the table. */
  add(id: string, slot: number): void {
    if ((this.#size + 1) * 4 > this.#cells.length * 3) this.#grow();
    this.#cells[this.#find(id)] = slot + 1;
    this.#size += 1;
  }

  /** The slot must still hold the id, as must those of all others. */
  delete(id: string): void {
    let gap = this.#find(id);
    if ((this.#cells[gap] ?? EMPTY) === EMPTY) return;
    const mask = this.#cells.length - 1;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const cell = this.#cells[at] ?? EMPTY;
      if (cell === EMPTY) break;
      const home = this.#homeOf(this.#idOf(cell - 1) ?? '');
      // It may go into the gap unless it would then stand before its home.
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        this.#cells[gap] = cell;
        gap = at;
      }
    }
    this.#cells[gap] = EMPTY;
    this.#size -= 1;
  }

  /** Where the id is, or would go. */
  #find(id: string): number {
    const mask = this.#cells.length - 1;
    let at = this.#homeOf(id);
    for (let cell = this.#cells[at] ?? EMPTY; cell !== EMPTY; cell = this.#cells[at] ?? EMPTY) {
      if (this.#idOf(cell - 1) === id) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #homeOf(id: string): number {
    return hash53(id) % this.#cells.length;
  }

  #grow(): void {
    const cells = this.#cells;
    this.#cells = new Uint32Array(cells.length * 2);
    for (const cell of cells) {
      if (cell !== EMPTY) this.#cells[this.#find(this.#idOf(cell - 1) ?? '')] = cell;
    }
  }
}
