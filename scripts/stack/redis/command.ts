import { RedisError, type Reply } from './reply.ts';
import type { Store } from './store.ts';

export interface Command {
  /** Words with the name itself; negative: at least as many. As in Redis's own command table. */
  arity: number;
  write?: true;
  run(store: Store, args: Arguments): Reply;
}

export type Commands = Record<string, Command>;

/** The words after the name. The arity has been checked, so a missing one is a defect of the command table. */
export class Arguments {
  readonly words: string[];

  constructor(words: string[]) {
    this.words = words;
  }

  at(index: number): string {
    const word = this.words[index];
    if (word === undefined) throw new Error(`a command reads argument ${index}, which its arity does not promise`);
    return word;
  }

  from(index: number): string[] {
    return this.words.slice(index);
  }

  /** Two by two, from `index` on. */
  pairs(index: number, command: string): Array<[string, string]> {
    const words = this.from(index);
    if (words.length % 2 !== 0) throw wrongArity(command);
    return Array.from({ length: words.length / 2 }, (_, i) => [this.at(index + 2 * i), this.at(index + 2 * i + 1)]);
  }
}

export const wrongArity = (command: string): RedisError =>
  new RedisError(`ERR wrong number of arguments for '${command.toLowerCase()}' command`);

/** Finds a command and checks the number of its words. @throws RedisError as Redis would */
export function findCommand(commands: Commands, [name = '', ...args]: string[]): Command {
  const key = name.toUpperCase();
  const command = Object.hasOwn(commands, key) ? commands[key] : undefined;
  if (!command) {
    const shown = args.map((word) => `'${word}' `).join('');
    throw new RedisError(`ERR unknown command '${name}', with args beginning with: ${shown}`);
  }
  const words = args.length + 1;
  if (command.arity < 0 ? words < -command.arity : words !== command.arity) throw wrongArity(name);
  return command;
}
