import type { Policy } from '../compiled.ts';

/**
 * Chooses the pool of a call. A caller that is known stays on its side: the choice is a weighted rendezvous by its name,
 * so that a canary that grows takes callers over and sends none back. Without a name `random` (0 up to, not including, 1)
 * decides.
 */
export type PoolChoice = (caller: string | null, random: number) => string;

/** `salt` (the API's id) keeps the same callers from being the canaries of every API. */
export function compileSplit(split: Policy['split'], fallback: string, salt: string): PoolChoice {
  const open = split.filter(({ weight }) => weight > 0);
  const last = open.at(-1)?.pool ?? fallback;
  if (open.length < 2) return () => last;
  const total = open.reduce((sum, { weight }) => sum + weight, 0);
  const pools = open.map(({ pool, weight }) => ({ pool, weight, seed: hash(pool, hash(salt, SEED)) }));

  return (caller, random) => {
    if (caller === null) {
      let left = random * total;
      for (const { pool, weight } of pools) {
        left -= weight;
        if (left < 0) return pool;
      }
      return last;
    }
    let chosen = last;
    let least = Number.POSITIVE_INFINITY;
    for (const { pool, weight, seed } of pools) {
      // The least of exponentially distributed numbers with these rates is each one's in proportion to its weight.
      const distance = -Math.log((spread(hash(caller, seed)) + 0.5) / 2 ** 32) / weight;
      if (distance < least) [least, chosen] = [distance, pool];
    }
    return chosen;
  };
}

/** FNV-1a over UTF-16 units, continued from `state`. */
function hash(text: string, state: number): number {
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return state;
}

/** MurmurHash3's finalizer: FNV leaves the high bits of short names alike. */
function spread(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

const SEED = 0x811c9dc5;
