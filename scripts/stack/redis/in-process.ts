import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCount } from './arguments.ts';
import { HASH_COMMANDS, SET_COMMANDS } from './collection-commands.ts';
import { Arguments, type Commands, findCommand, wrongArity } from './command.ts';
import { KEY_COMMANDS } from './key-commands.ts';
import { createLua, type Lua } from './lua.ts';
import { OK, type Outcome, type RedisBackend, RedisError, type Reply } from './reply.ts';
import { readScript, sha1 } from './shebang.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import { SORTED_SET_COMMANDS } from './sorted-set-commands.ts';
import { createStore, type Store } from './store.ts';
import { STRING_COMMANDS } from './string-commands.ts';

const DATA_COMMANDS: Commands = {
  ...STRING_COMMANDS,
  ...KEY_COMMANDS,
  ...HASH_COMMANDS,
  ...SET_COMMANDS,
  ...SORTED_SET_COMMANDS,
};

/**
 * The commands and scripts this project uses, for machines without a Redis. Strict: what it does not know it refuses
 * as Redis refuses an unknown command, and never answers halfway. Data is kept from a clean stop to the next start.
 */
export async function startInProcessRedis(dir?: string, clock: () => number = Date.now): Promise<RedisBackend> {
  const store = createStore(clock);
  const snapshot = dir === undefined ? undefined : join(dir, 'in-process.json');
  if (snapshot !== undefined) readSnapshot(store, await readFile(snapshot, 'utf8').catch(() => '[]'));
  const lua = await createLua();
  const commands: Commands = { ...DATA_COMMANDS, ...scriptCommands(store, lua) };

  function execute(words: string[]): Reply {
    const command = findCommand(commands, words);
    store.advance();
    return command.run(store, new Arguments(words.slice(1)));
  }

  return {
    engine: 'in-process',
    exited: new Promise(() => undefined),
    call: async (words) => execute(words),
    async transaction(queue) {
      for (const words of queue) abortUnlessFound(commands, words);
      return queue.map((words): Outcome => {
        try {
          return { result: execute(words) };
        } catch (error) {
          if (error instanceof RedisError) return { error: error.message };
          throw error;
        }
      });
    },
    async stop() {
      lua.close();
      if (dir === undefined || snapshot === undefined) return;
      await mkdir(dir, { recursive: true });
      await writeFile(`${snapshot}.new`, writeSnapshot(store), { mode: 0o600 });
      await rename(`${snapshot}.new`, snapshot);
    },
  };
}

function abortUnlessFound(commands: Commands, words: string[]): void {
  try {
    findCommand(commands, words);
  } catch (cause) {
    throw new RedisError('EXECABORT Transaction discarded because of previous errors.', { cause });
  }
}

function scriptCommands(store: Store, lua: Lua): Commands {
  const scripts = new Map<string, string>();

  function evaluate(script: string, args: Arguments, readOnlyCall: boolean): Reply {
    const { code, readOnly } = readScript(script);
    const count = parseCount(args.at(1));
    const rest = args.from(2);
    if (count < 0) throw new RedisError("ERR Number of keys can't be negative");
    if (count > rest.length) throw new RedisError("ERR Number of keys can't be greater than number of args");
    return lua.run(code, rest.slice(0, count), rest.slice(count), (words) => {
      const name = words[0]?.toUpperCase() ?? '';
      if (Object.hasOwn(own, name)) throw new RedisError('ERR This Redis command is not allowed from script');
      const command = findCommand(DATA_COMMANDS, words);
      if (command.write && (readOnly || readOnlyCall)) {
        throw new RedisError('ERR Write commands are not allowed from read-only scripts.');
      }
      return command.run(store, new Arguments(words.slice(1)));
    });
  }

  function evaluateText(args: Arguments, readOnly: boolean): Reply {
    scripts.set(sha1(args.at(0)), args.at(0));
    return evaluate(args.at(0), args, readOnly);
  }

  function evaluateSha(args: Arguments, readOnly: boolean): Reply {
    const script = scripts.get(args.at(0).toLowerCase());
    if (script === undefined) throw new RedisError('NOSCRIPT No matching script. Please use EVAL.');
    return evaluate(script, args, readOnly);
  }

  function manage(args: Arguments): Reply {
    const [script] = args.from(1);
    switch (args.at(0).toUpperCase()) {
      case 'LOAD':
        if (script === undefined) throw wrongArity('script|load');
        readScript(script);
        scripts.set(sha1(script), script);
        return sha1(script);
      case 'EXISTS':
        return args.from(1).map((sha) => Number(scripts.has(sha.toLowerCase())));
      case 'FLUSH':
        scripts.clear();
        return OK;
      default:
        throw new RedisError(`ERR unknown subcommand '${args.at(0)}'. Try SCRIPT HELP.`);
    }
  }

  const own: Commands = {
    EVAL: { arity: -3, run: (_, args) => evaluateText(args, false) },
    EVAL_RO: { arity: -3, run: (_, args) => evaluateText(args, true) },
    EVALSHA: { arity: -3, run: (_, args) => evaluateSha(args, false) },
    EVALSHA_RO: { arity: -3, run: (_, args) => evaluateSha(args, true) },
    SCRIPT: { arity: -2, run: (_, args) => manage(args) },
  };
  return own;
}
