import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Outcome, type RedisBackend, RedisError, type Reply } from './reply.ts';

interface Answer {
  status: number;
  body: unknown;
}

type Json = string | number | null | Json[];

/** Upstash's REST protocol: one command, a pipeline or a transaction for each request. */
export function restHandler(backend: RedisBackend, token: string) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const encode = request.headers['upstash-encoding'] === 'base64' ? base64 : plain;
    const answer = await answerTo(backend, token, request, encode).catch(answerError);
    if (response.destroyed) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  };
}

async function answerTo(
  backend: RedisBackend,
  token: string,
  request: IncomingMessage,
  encode: (reply: Reply) => Json,
): Promise<Answer> {
  if (!isBearer(request.headers.authorization, token)) return { status: 401, body: { error: 'Unauthorized' } };
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://redis');
  const body = await readBody(request);
  const show = (outcome: Outcome) => ('error' in outcome ? outcome : { result: encode(outcome.result) });

  switch (pathname) {
    case '/pipeline': {
      const outcomes: Outcome[] = [];
      for (const command of parseCommands(body)) outcomes.push(await attempt(backend, command));
      return { status: 200, body: outcomes.map(show) };
    }
    case '/multi-exec':
      return { status: 200, body: (await backend.transaction(parseCommands(body))).map(show) };
    default: {
      const command = pathname === '/' ? parseCommand(parseJson(body)) : commandFromPath(pathname, body, searchParams);
      return { status: 200, body: { result: encode(await backend.call(command)) } };
    }
  }
}

async function attempt(backend: RedisBackend, command: string[]): Promise<Outcome> {
  try {
    return { result: await backend.call(command) };
  } catch (error) {
    if (error instanceof RedisError) return { error: error.message };
    throw error;
  }
}

function answerError(error: unknown): Answer {
  const message = error instanceof Error ? error.message : String(error);
  return { status: error instanceof RedisError ? 400 : 502, body: { error: message } };
}

/** `/set/key` with the value as body and `?EX=10` is SET key value EX 10. */
function commandFromPath(pathname: string, body: string, options: URLSearchParams): string[] {
  const words = pathname.slice(1).split('/').map(decodeURIComponent);
  const value = body === '' ? [] : [body];
  return [...words, ...value, ...[...options].flat().filter((word) => word !== '')];
}

function parseCommands(body: string): string[][] {
  const commands = parseJson(body);
  if (!Array.isArray(commands)) throw new RedisError('ERR failed to parse pipeline request');
  return commands.map(parseCommand);
}

function parseCommand(command: unknown): string[] {
  if (!Array.isArray(command) || command.length === 0) throw new RedisError('ERR failed to parse command');
  return command.map((word: unknown) => {
    if (typeof word !== 'string' && typeof word !== 'number' && typeof word !== 'boolean') {
      throw new RedisError('ERR failed to parse command: an argument is neither text nor a number');
    }
    return String(word);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RedisError('ERR failed to parse command');
  }
}

function plain(reply: Reply): Json {
  if (Array.isArray(reply)) return reply.map(plain);
  return typeof reply === 'object' && reply !== null ? reply.ok : reply;
}

/** The client reads "OK" as it is and decodes every other text. */
function base64(reply: Reply): Json {
  if (Array.isArray(reply)) return reply.map(base64);
  const value = plain(reply);
  return typeof value === 'string' && value !== 'OK' ? Buffer.from(value).toString('base64') : value;
}

function isBearer(header: string | undefined, token: string): boolean {
  const [given, wanted] = [Buffer.from(header ?? ''), Buffer.from(`Bearer ${token}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
