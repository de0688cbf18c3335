import {
  addIntegers,
  createWords,
  expiryOf,
  formatFloat,
  isExpiryOption,
  parseFloatStrict,
  parseInteger,
  syntaxError,
} from './arguments.ts';
import type { Arguments, Commands } from './command.ts';
import { OK, RedisError, type Reply } from './reply.ts';
import type { Store } from './store.ts';

export const STRING_COMMANDS: Commands = {
  GET: { arity: 2, run: (store, args) => store.read(args.at(0), 'string') ?? null },
  SET: { arity: -3, write: true, run: set },
  SETEX: { arity: 4, write: true, run: (store, args) => setWithExpiry(store, args, 'EX', 'setex') },
  PSETEX: { arity: 4, write: true, run: (store, args) => setWithExpiry(store, args, 'PX', 'psetex') },
  SETNX: {
    arity: 3,
    write: true,
    run(store, args) {
      if (store.get(args.at(0))) return 0;
      store.write(args.at(0), args.at(1));
      return 1;
    },
  },
  GETDEL: {
    arity: 2,
    write: true,
    run(store, args) {
      const value = store.read(args.at(0), 'string') ?? null;
      store.remove(args.at(0));
      return value;
    },
  },
  GETEX: { arity: -2, write: true, run: getAndExpire },
  STRLEN: { arity: 2, run: (store, args) => Buffer.byteLength(store.read(args.at(0), 'string') ?? '') },
  APPEND: {
    arity: 3,
    write: true,
    run(store, args) {
      const value = (store.read(args.at(0), 'string') ?? '') + args.at(1);
      store.write(args.at(0), value);
      return Buffer.byteLength(value);
    },
  },
  INCR: { arity: 2, write: true, run: (store, args) => increment(store, args.at(0), 1n) },
  DECR: { arity: 2, write: true, run: (store, args) => increment(store, args.at(0), -1n) },
  INCRBY: { arity: 3, write: true, run: (store, args) => increment(store, args.at(0), parseInteger(args.at(1))) },
  DECRBY: { arity: 3, write: true, run: (store, args) => increment(store, args.at(0), -parseInteger(args.at(1))) },
  INCRBYFLOAT: {
    arity: 3,
    write: true,
    run(store, args) {
      const sum = parseFloatStrict(store.read(args.at(0), 'string') ?? '0') + parseFloatStrict(args.at(1));
      if (!Number.isFinite(sum)) throw new RedisError('ERR increment would produce NaN or Infinity');
      store.write(args.at(0), formatFloat(sum));
      return formatFloat(sum);
    },
  },
  MGET: {
    arity: -2,
    run: (store, args) =>
      args.words.map((key) => {
        const entry = store.get(key);
        return entry?.type === 'string' ? entry.value : null;
      }),
  },
  MSET: {
    arity: -3,
    write: true,
    run(store, args) {
      for (const [key, value] of args.pairs(0, 'mset')) store.put(key, { type: 'string', value });
      return OK;
    },
  },
};

function set(store: Store, args: Arguments): Reply {
  const [key, value] = [args.at(0), args.at(1)];
  const words = createWords(args.from(2));
  let condition: string | undefined;
  let returnsOld = false;
  let keepsExpiry = false;
  let expiresAt: number | undefined;
  while (!words.done()) {
    const option = words.option();
    if ((option === 'NX' || option === 'XX') && condition === undefined) condition = option;
    else if (option === 'GET') returnsOld = true;
    else if (option === 'KEEPTTL' && expiresAt === undefined) keepsExpiry = true;
    else if (isExpiryOption(option) && expiresAt === undefined && !keepsExpiry) {
      expiresAt = expiryOf(store, option, words.next(), 'set');
    } else throw syntaxError();
  }
  const before = store.get(key);
  const old = returnsOld ? (store.read(key, 'string') ?? null) : null;
  const allowed = condition === undefined || (condition === 'NX') === (before === undefined);
  if (allowed) store.put(key, { type: 'string', value, expiresAt: keepsExpiry ? before?.expiresAt : expiresAt });
  if (returnsOld) return old;
  return allowed ? OK : null;
}

function setWithExpiry(store: Store, args: Arguments, unit: 'EX' | 'PX', name: string): Reply {
  store.put(args.at(0), { type: 'string', value: args.at(2), expiresAt: expiryOf(store, unit, args.at(1), name) });
  return OK;
}

function getAndExpire(store: Store, args: Arguments): Reply {
  const key = args.at(0);
  const value = store.read(key, 'string');
  const words = createWords(args.from(1));
  let change: { expiresAt: number | undefined } | undefined;
  if (!words.done()) {
    const option = words.option();
    if (option === 'PERSIST') change = { expiresAt: undefined };
    else if (isExpiryOption(option)) change = { expiresAt: expiryOf(store, option, words.next(), 'getex') };
    if (change === undefined || !words.done()) throw syntaxError();
  }
  if (value === undefined) return null;
  if (change) store.put(key, { type: 'string', value, expiresAt: change.expiresAt });
  return value;
}

function increment(store: Store, key: string, by: bigint): Reply {
  const sum = addIntegers(parseInteger(store.read(key, 'string') ?? '0'), by);
  store.write(key, String(sum));
  return Number(sum);
}
