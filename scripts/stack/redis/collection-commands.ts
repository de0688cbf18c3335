import { addIntegers, parseInteger } from './arguments.ts';
import type { Arguments, Commands } from './command.ts';
import { OK, RedisError, type Reply } from './reply.ts';
import type { Store } from './store.ts';

export const HASH_COMMANDS: Commands = {
  HSET: { arity: -4, write: true, run: (store, args) => setFields(store, args, 'hset') },
  HMSET: {
    arity: -4,
    write: true,
    run(store, args) {
      setFields(store, args, 'hmset');
      return OK;
    },
  },
  HGET: { arity: 3, run: (store, args) => store.read(args.at(0), 'hash')?.get(args.at(1)) ?? null },
  HMGET: {
    arity: -3,
    run(store, args) {
      const hash = store.read(args.at(0), 'hash');
      return args.from(1).map((field) => hash?.get(field) ?? null);
    },
  },
  HGETALL: { arity: 2, run: (store, args) => [...(store.read(args.at(0), 'hash') ?? [])].flat() },
  HKEYS: { arity: 2, run: (store, args) => [...(store.read(args.at(0), 'hash')?.keys() ?? [])] },
  HVALS: { arity: 2, run: (store, args) => [...(store.read(args.at(0), 'hash')?.values() ?? [])] },
  HLEN: { arity: 2, run: (store, args) => store.read(args.at(0), 'hash')?.size ?? 0 },
  HEXISTS: { arity: 3, run: (store, args) => Number(store.read(args.at(0), 'hash')?.has(args.at(1)) ?? false) },
  HDEL: { arity: -3, write: true, run: (store, args) => removeMembers(store, args, 'hash') },
  HINCRBY: {
    arity: 4,
    write: true,
    run(store, args) {
      const by = parseInteger(args.at(2));
      const old = store.read(args.at(0), 'hash')?.get(args.at(1)) ?? '0';
      if (!/^-?\d+$/.test(old)) throw new RedisError('ERR hash value is not an integer');
      const sum = addIntegers(parseInteger(old), by);
      store.open(args.at(0), 'hash').set(args.at(1), String(sum));
      return Number(sum);
    },
  },
};

export const SET_COMMANDS: Commands = {
  SADD: {
    arity: -3,
    write: true,
    run(store, args) {
      const set = store.open(args.at(0), 'set');
      const before = set.size;
      for (const member of args.from(1)) set.add(member);
      return set.size - before;
    },
  },
  SREM: { arity: -3, write: true, run: (store, args) => removeMembers(store, args, 'set') },
  SMEMBERS: { arity: 2, run: (store, args) => [...(store.read(args.at(0), 'set') ?? [])] },
  SCARD: { arity: 2, run: (store, args) => store.read(args.at(0), 'set')?.size ?? 0 },
  SISMEMBER: { arity: 3, run: (store, args) => Number(store.read(args.at(0), 'set')?.has(args.at(1)) ?? false) },
  SMISMEMBER: {
    arity: -3,
    run(store, args) {
      const set = store.read(args.at(0), 'set');
      return args.from(1).map((member) => Number(set?.has(member) ?? false));
    },
  },
};

function setFields(store: Store, args: Arguments, command: string): Reply {
  const fields = args.pairs(1, command);
  const hash = store.open(args.at(0), 'hash');
  const before = hash.size;
  for (const [field, value] of fields) hash.set(field, value);
  return hash.size - before;
}

export function removeMembers(store: Store, args: Arguments, type: 'hash' | 'set' | 'zset'): Reply {
  const collection = store.read(args.at(0), type);
  const removed = args.from(1).filter((member) => collection?.delete(member)).length;
  store.removeIfEmpty(args.at(0));
  return removed;
}
