/** Numbers to a block, and blocks to a block of the next level. */
const BLOCK = 16;

/**
 * The largest of every 16 numbers of a list, of every 256, and so on: a quarter of a byte more for each byte of the list. Who looks for
 * the numbers that are large enough so passes over the others in blocks, at a cost that follows what is found (a priority
 * search tree, as an array).
 */
export class Peaks {
  /** Shorter blocks first. */
  readonly #levels: Float32Array[] = [];

  constructor(numbers: Float32Array) {
    for (let below = numbers; below.length > BLOCK; ) {
      const level = new Float32Array(Math.ceil(below.length / BLOCK));
      for (let block = 0; block < level.length; block += 1) {
        let peak = Number.NEGATIVE_INFINITY;
        const end = Math.min((block + 1) * BLOCK, below.length);
        for (let at = block * BLOCK; at < end; at += 1) peak = Math.max(peak, below[at] ?? peak);
        level[block] = peak;
      }
      this.#levels.push(level);
      below = level;
    }
  }

  get bytes(): number {
    return this.#levels.reduce((sum, level) => sum + level.byteLength, 0);
  }

  /** How many numbers, from that place on, are in the longest block that begins there and is below `least`; 0 for none. */
  below(at: number, least: number): number {
    let skipped = 0;
    let block = at;
    let length = 1;
    for (const level of this.#levels) {
      if (block % BLOCK !== 0) break;
      block /= BLOCK;
      length *= BLOCK;
      if ((level[block] ?? Number.NEGATIVE_INFINITY) >= least) break;
      skipped = length;
    }
    return skipped;
  }
}
