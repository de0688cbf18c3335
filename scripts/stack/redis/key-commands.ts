import { createWords, globToRegExp, parseCount, syntaxError } from './arguments.ts';
import type { Arguments, Commands } from './command.ts';
import { OK, RedisError, type Reply } from './reply.ts';
import type { Store } from './store.ts';

export const KEY_COMMANDS: Commands = {
  DEL: { arity: -2, write: true, run: remove },
  UNLINK: { arity: -2, write: true, run: remove },
  EXISTS: { arity: -2, run: (store, args) => args.words.filter((key) => store.get(key)).length },
  TYPE: { arity: 2, run: (store, args) => ({ ok: store.get(args.at(0))?.type ?? 'none' }) },
  EXPIRE: { arity: -3, write: true, run: (store, args) => expire(store, args, 1_000, store.now()) },
  PEXPIRE: { arity: -3, write: true, run: (store, args) => expire(store, args, 1, store.now()) },
  EXPIREAT: { arity: -3, write: true, run: (store, args) => expire(store, args, 1_000, 0) },
  PEXPIREAT: { arity: -3, write: true, run: (store, args) => expire(store, args, 1, 0) },
  TTL: { arity: 2, run: (store, args) => remaining(store, args.at(0), (ms) => Math.floor((ms + 500) / 1_000)) },
  PTTL: { arity: 2, run: (store, args) => remaining(store, args.at(0), (ms) => ms) },
  PERSIST: {
    arity: 2,
    write: true,
    run(store, args) {
      const entry = store.get(args.at(0));
      if (entry?.expiresAt === undefined) return 0;
      entry.expiresAt = undefined;
      return 1;
    },
  },
  KEYS: { arity: 2, run: (store, args) => store.keys().filter(matcher(args.at(0))) },
  SCAN: { arity: -2, run: scan },
  DBSIZE: { arity: 1, run: (store) => store.keys().length },
  FLUSHDB: { arity: -1, write: true, run: flush },
  FLUSHALL: { arity: -1, write: true, run: flush },
  PING: { arity: -1, run: (_, args) => (args.words.length === 0 ? { ok: 'PONG' } : args.at(0)) },
  ECHO: { arity: 2, run: (_, args) => args.at(0) },
  TIME: { arity: 1, run: (store) => [String(Math.floor(store.now() / 1_000)), String((store.now() % 1_000) * 1_000)] },
};

function remove(store: Store, args: Arguments): Reply {
  return args.words.filter((key) => store.remove(key)).length;
}

function flush(store: Store, args: Arguments): Reply {
  const mode = createWords(args.words);
  mode.takeIf(['ASYNC', 'SYNC']);
  if (!mode.done()) throw syntaxError();
  store.clear();
  return OK;
}

function expire(store: Store, args: Arguments, unit: number, from: number): Reply {
  const expiresAt = from + parseCount(args.at(1)) * unit;
  const option = args.from(2).map((word) => word.toUpperCase());
  const entry = store.get(args.at(0));
  // No expiry counts as infinitely far.
  const current = entry?.expiresAt ?? Number.POSITIVE_INFINITY;
  for (const word of option) {
    if (!['NX', 'XX', 'GT', 'LT'].includes(word)) throw new RedisError(`ERR Unsupported option ${word}`);
    if (word === 'NX' && entry?.expiresAt !== undefined) return 0;
    if (word === 'XX' && entry?.expiresAt === undefined) return 0;
    if (word === 'GT' && expiresAt <= current) return 0;
    if (word === 'LT' && expiresAt >= current) return 0;
  }
  if (!entry) return 0;
  if (expiresAt <= store.now()) store.remove(args.at(0));
  else entry.expiresAt = expiresAt;
  return 1;
}

function remaining(store: Store, key: string, show: (ms: number) => number): Reply {
  const entry = store.get(key);
  if (!entry) return -2;
  return entry.expiresAt === undefined ? -1 : show(entry.expiresAt - store.now());
}

/** Everything in one step: a cursor of 0 tells the caller that there is no more. */
function scan(store: Store, args: Arguments): Reply {
  if (!/^\d+$/.test(args.at(0))) throw new RedisError('ERR invalid cursor');
  const words = createWords(args.from(1));
  let keys = store.keys();
  while (!words.done()) {
    const option = words.option();
    const value = words.next();
    if (option === 'MATCH') keys = keys.filter(matcher(value));
    else if (option === 'TYPE') keys = keys.filter((key) => store.get(key)?.type === value.toLowerCase());
    else if (option !== 'COUNT' || parseCount(value) < 1) throw syntaxError();
  }
  return ['0', keys];
}

function matcher(pattern: string): (key: string) => boolean {
  const expression = globToRegExp(pattern);
  return (key) => expression.test(key);
}
