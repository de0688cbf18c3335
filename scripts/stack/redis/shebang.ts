import { createHash } from 'node:crypto';
import { RedisError } from './reply.ts';

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

/** The one flag only Upstash knows. Redis refuses scripts that carry it. */
const UPSTASH_FLAG = 'allow-key-locking';
const KNOWN_FLAGS = ['allow-oom', 'allow-stale', 'allow-cross-slot-keys', 'no-cluster', 'no-writes', UPSTASH_FLAG];

/** The script as a stock Redis takes it. Lines keep their numbers. */
export function withoutUpstashFlag(script: string): string {
  const { flags, body } = parseShebang(script);
  if (!flags?.includes(UPSTASH_FLAG)) return script;
  const others = flags.filter((flag) => flag !== UPSTASH_FLAG);
  return others.length === 0 ? `\n${body}` : `#!lua flags=${others.join(',')}\n${body}`;
}

/**
 * The script's Lua code without its first line, for an engine that reads the flags itself.
 * @throws RedisError for what neither Redis nor Upstash would take
 */
export function readScript(script: string): { code: string; readOnly: boolean } {
  const { engine, flags, body } = parseShebang(script);
  if (engine === undefined) return { code: script, readOnly: false };
  if (engine !== 'lua') throw new RedisError(`ERR Could not find scripting engine '${engine}'`);
  const unknown = flags?.find((flag) => !KNOWN_FLAGS.includes(flag));
  if (unknown !== undefined) throw new RedisError(`ERR Unexpected flag in script shebang: ${unknown}`);
  return { code: `\n${body}`, readOnly: flags?.includes('no-writes') ?? false };
}

function parseShebang(script: string): { engine?: string; flags?: string[]; body: string } {
  const [, engine, flags, body] = /^#!(\S*)(?:[ \t]+flags=(\S*))?[^\n]*(?:\n|$)([\s\S]*)$/.exec(script) ?? [];
  if (engine === undefined || body === undefined) return { body: script };
  return { engine, body, ...(flags === undefined ? {} : { flags: flags.split(',').filter(Boolean) }) };
}
