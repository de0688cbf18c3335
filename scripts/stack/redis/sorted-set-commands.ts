import { createWords, formatFloat, parseCount, parseFloatStrict, syntaxError } from './arguments.ts';
import { removeMembers } from './collection-commands.ts';
import { Arguments, type Commands } from './command.ts';
import { RedisError, type Reply } from './reply.ts';
import type { Store } from './store.ts';

type Scored = [member: string, score: number];

export const SORTED_SET_COMMANDS: Commands = {
  ZADD: { arity: -4, write: true, run: add },
  ZINCRBY: {
    arity: 4,
    write: true,
    run: (store, args) => add(store, new Arguments([args.at(0), 'INCR', args.at(1), args.at(2)])),
  },
  ZREM: { arity: -3, write: true, run: (store, args) => removeMembers(store, args, 'zset') },
  ZCARD: { arity: 2, run: (store, args) => store.read(args.at(0), 'zset')?.size ?? 0 },
  ZSCORE: {
    arity: 3,
    run(store, args) {
      const score = store.read(args.at(0), 'zset')?.get(args.at(1));
      return score === undefined ? null : formatFloat(score);
    },
  },
  ZCOUNT: { arity: 4, run: (store, args) => ordered(store, args.at(0)).filter(within(args.at(1), args.at(2))).length },
  ZRANGE: { arity: -4, run: range },
  ZREMRANGEBYSCORE: {
    arity: 4,
    write: true,
    run(store, args) {
      const found = ordered(store, args.at(0)).filter(within(args.at(1), args.at(2)));
      return found.length === 0
        ? 0
        : removeMembers(store, new Arguments([args.at(0), ...found.map(([member]) => member)]), 'zset');
    },
  },
};

function add(store: Store, args: Arguments): Reply {
  const words = createWords(args.from(1));
  const options = new Set<string>();
  for (let option = words.takeIf(ADD_OPTIONS); option; option = words.takeIf(ADD_OPTIONS)) options.add(option);
  if (options.has('NX') && ['XX', 'GT', 'LT'].some((option) => options.has(option))) {
    throw new RedisError(
      `ERR ${options.has('XX') ? 'XX and NX' : 'GT, LT, and/or NX'} options at the same time are not compatible`,
    );
  }
  const rest = words.rest();
  if (rest.length === 0 || rest.length % 2 !== 0) throw syntaxError();
  const pairs = new Arguments(rest)
    .pairs(0, 'zadd')
    .map(([score, member]): Scored => [member, parseFloatStrict(score)]);
  const increments = options.has('INCR');
  if (increments && pairs.length > 1) throw new RedisError('ERR INCR option supports a single increment-element pair');

  const set = store.open(args.at(0), 'zset');
  let [added, changed]: [number, number] = [0, 0];
  let last: string | null = null;
  for (const [member, given] of pairs) {
    const old = set.get(member);
    const score = increments ? (old ?? 0) + given : given;
    if (Number.isNaN(score)) throw new RedisError('ERR resulting score is not a number (NaN)');
    if (old === undefined ? options.has('XX') : refuses(options, old, score)) continue;
    set.set(member, score);
    last = formatFloat(score);
    if (old === undefined) added++;
    else if (old !== score) changed++;
  }
  store.removeIfEmpty(args.at(0));
  if (increments) return last;
  return options.has('CH') ? added + changed : added;
}

const ADD_OPTIONS = ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'] as const;

const refuses = (options: Set<string>, old: number, score: number): boolean =>
  options.has('NX') || (options.has('GT') && score <= old) || (options.has('LT') && score >= old);

function range(store: Store, args: Arguments): Reply {
  const [key, start, stop] = [args.at(0), args.at(1), args.at(2)];
  const words = createWords(args.from(3));
  const options = new Set<string>();
  let limit: { offset: number; count: number } | undefined;
  while (!words.done()) {
    const option = words.option();
    if (option === 'LIMIT') limit = { offset: parseCount(words.next()), count: parseCount(words.next()) };
    else if (['BYSCORE', 'REV', 'WITHSCORES'].includes(option)) options.add(option);
    else throw syntaxError();
  }
  const [byScore, reverse] = [options.has('BYSCORE'), options.has('REV')];
  if (limit && !byScore) {
    throw new RedisError('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
  }
  const all = ordered(store, key);
  if (reverse) all.reverse();
  let found = byScore
    ? all.filter(reverse ? within(stop, start) : within(start, stop))
    : slice(all, parseCount(start), parseCount(stop));
  if (limit) found = found.slice(limit.offset, limit.count < 0 ? undefined : limit.offset + limit.count);
  return found.flatMap(([member, score]) => (options.has('WITHSCORES') ? [member, formatFloat(score)] : [member]));
}

/** By score, and by the bytes of the member where scores are equal. */
function ordered(store: Store, key: string): Scored[] {
  const entries = [...(store.read(key, 'zset') ?? [])];
  return entries.sort(([a, x], [b, y]) => (x === y ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : x - y));
}

/** Both ends belong to it; negative ones count from the end. */
function slice(all: Scored[], start: number, stop: number): Scored[] {
  const position = (index: number) => (index < 0 ? all.length + index : index);
  return all.slice(Math.max(0, position(start)), position(stop) + 1);
}

/** Whether a score lies between two bounds; one that starts with a bracket does not belong to it. */
function within(min: string, max: string): (entry: Scored) => boolean {
  const [low, high] = [parseBound(min), parseBound(max)];
  return ([, score]) =>
    (low.open ? score > low.value : score >= low.value) && (high.open ? score < high.value : score <= high.value);
}

function parseBound(text: string): { value: number; open: boolean } {
  const open = text.startsWith('(');
  try {
    return { value: parseFloatStrict(open ? text.slice(1) : text), open };
  } catch {
    throw new RedisError('ERR min or max is not a float');
  }
}
