import type { BalancingAlgorithm } from '../compiled.ts';
import { hashText, mix } from './hash.ts';

/** An upstream that may be chosen. */
export interface Candidate {
  id: string;
  /** Above 0; its part of the calls is this part of the sum. */
  weight: number;
  /** `pending`: calls of this isolate that have no answer yet. */
  cell: { pending: number };
  /** Hash of its id. */
  seed: number;
  /** Where it stands in the rotation: what it is owed, in units of weight. */
  owed: number;
}

export interface Choice {
  algorithm: BalancingAlgorithm;
  /** What `consistent_hash` goes by; without one the call goes where the rotation sends it. */
  hashKey: string | undefined;
  /** Upstreams that this call has tried: avoided while there is another. */
  exclude: ReadonlySet<string>;
  /** From 0 to 1, 1 excluded. */
  random(): number;
}

/** One of the candidates; `undefined` when there is none. Weights hold for every algorithm. */
export function choose<C extends Candidate>(candidates: readonly C[], choice: Choice): C | undefined {
  if (candidates.length < 2) return candidates[0];
  const fresh = choice.exclude.size === 0 ? candidates : withoutTried(candidates, choice.exclude);
  if (fresh.length === 1) return fresh[0];
  if (choice.algorithm === 'least_pending') return lessPending(fresh, choice.random);
  if (choice.algorithm === 'consistent_hash' && choice.hashKey !== undefined) return highest(fresh, choice.hashKey);
  return nextInRotation(fresh);
}

function withoutTried<C extends Candidate>(candidates: readonly C[], tried: ReadonlySet<string>): readonly C[] {
  const fresh = candidates.filter(({ id }) => !tried.has(id));
  return fresh.length > 0 ? fresh : candidates;
}

/**
 * Smooth weighted round robin: everyone is owed their weight anew each time, and who is owed most pays for all. Over as
 * many turns as the weights sum up to everyone has had exactly their weight, spread evenly.
 * https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1
 */
function nextInRotation<C extends Candidate>(candidates: readonly C[]): C | undefined {
  let best: C | undefined;
  let sum = 0;
  for (const candidate of candidates) {
    sum += candidate.weight;
    candidate.owed += candidate.weight;
    if (best === undefined || candidate.owed > best.owed) best = candidate;
  }
  if (best) best.owed -= sum;
  return best;
}

/**
 * The less busy of two that are drawn by weight. Taking the least busy of all would send every isolate, none of which
 * sees the others' calls, to the same one at once. M. Mitzenmacher, The Power of Two Choices (2001).
 */
function lessPending<C extends Candidate>(candidates: readonly C[], random: () => number): C | undefined {
  const one = draw(candidates, undefined, random);
  const other = draw(candidates, one, random);
  if (!one || !other) return one ?? other;
  return other.cell.pending * one.weight < one.cell.pending * other.weight ? other : one;
}

function draw<C extends Candidate>(candidates: readonly C[], except: C | undefined, random: () => number) {
  let sum = 0;
  for (const candidate of candidates) if (candidate !== except) sum += candidate.weight;
  let rest = random() * sum;
  let last: C | undefined;
  for (const candidate of candidates) {
    if (candidate === except) continue;
    last = candidate;
    rest -= candidate.weight;
    if (rest < 0) break;
  }
  return last;
}

/**
 * Rendezvous hashing with weights: each candidate draws a number from the key and its own id, and the best draw wins. When
 * one goes, its keys alone move, each to its next best; when one comes, or its weight grows, keys move to it alone. No
 * table to build when the candidates change, and pools are small. C. Schindelhauer, G. Schomaker, Weighted Distributed Hash
 * Tables (SPAA 2005).
 */
function highest<C extends Candidate>(candidates: readonly C[], key: string): C | undefined {
  const hash = hashText(key);
  let best: C | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    // The draw is exponentially distributed with the weight as its rate, so that the least of them wins by weight.
    const drawn = -Math.log((mix(hash ^ candidate.seed) + 0.5) / 2 ** 32) / candidate.weight;
    if (drawn < least) {
      best = candidate;
      least = drawn;
    }
  }
  return best;
}
