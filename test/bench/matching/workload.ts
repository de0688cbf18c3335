/**
 * Rules and events from a generator with a fixed seed, in a form that belongs to no engine. A rule asks for a type of event
 * and one thing more: an agent (50 %), a score above a bound or within two (30 %) or a tag (20 %).
 */
export type BenchRule = { id: string; type: string } & (
  | { about: 'agent'; agent: string }
  | { about: 'score'; above: number }
  | { about: 'window'; from: number; to: number }
  | { about: 'tag'; tag: string }
);

export interface BenchEvent {
  type: string;
  agent: string;
  score: number;
  tag: string;
}

/**
 * `rare`: how many rules an event meets does not depend on how many there are. `frequent`: an event meets half of all
 * bounds, so that with ten times the rules it meets ten times as many. `windows`: a score is to be within two bounds, which stand the
 * closer together the more rules there are, so that an event meets about five of them.
 */
export type Mix = 'rare' | 'frequent' | 'windows';

const TYPES = ['NewFeedback', 'FeedbackRevoked', 'ResponseAppended'] as const;

/** Mulberry32 by Tommy Ettinger, in the public domain. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const whole = (random: () => number, below: number) => Math.floor(random() * below);

/** Two decimals, as scores mostly are. */
const cents = (number: number) => Math.round(number * 100) / 100;

export function rulesOf(count: number, mix: Mix): BenchRule[] {
  const random = randomFrom(1);
  const rules = Array.from({ length: count }, (_, n): BenchRule => {
    const base = {
      id: `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
      type: TYPES[whole(random, 3)] ?? '',
    };
    const kind = random();
    if (kind < 0.5) return { ...base, about: 'agent', agent: String(whole(random, count / 4)) };
    if (kind < 0.7) return { ...base, about: 'tag', tag: `tag ${whole(random, count / 20)}` };
    if (mix === 'windows') {
      const from = random() * 100;
      return { ...base, about: 'window', from, to: from + 5_000 / count };
    }
    return { ...base, about: 'score', above: mix === 'rare' ? 101 + whole(random, 100) : cents(random() * 100) };
  });
  // As they come from a database: V8 keeps text that was put together as its parts until somebody looks at it.
  return rules.map((rule) => JSON.parse(JSON.stringify(rule)) as BenchRule);
}

export function eventsOf(count: number, rules: number): BenchEvent[] {
  const random = randomFrom(2);
  return Array.from({ length: count }, () => ({
    type: TYPES[whole(random, 3)] ?? '',
    agent: String(whole(random, rules / 4)),
    score: cents(random() * 100),
    tag: `tag ${whole(random, rules / 20)}`,
  }));
}
