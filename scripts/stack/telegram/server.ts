import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as z from 'zod';
import { LOOPBACK } from '../ports.ts';
import { type Entity, type Parsed, Unparsable } from './entities.ts';
import { parseHtml } from './html.ts';
import { parseMarkdown } from './markdown.ts';

/** What a chat does with messages; one that is not listed takes them. */
type Chat = { kind: 'blocked' } | { kind: 'missing' } | { kind: 'migrated'; to: number };

export interface Message {
  token: string;
  chat: string;
  text: string;
  entities: Entity[];
  linkPreview: boolean;
}

export interface TelegramOptions {
  port?: number;
  /** The bot that there is. */
  token: string;
  chats?: Record<string, Chat>;
  /** Messages to one chat: so many at once, and one more each second. https://core.telegram.org/bots/faq */
  burst?: number;
  /** In milliseconds. */
  clock?: () => number;
  onMessage?: (message: Message) => void;
}

export interface Telegram {
  url: string;
  messages: Message[];
  /** What was asked for, refused or not. */
  requests: unknown[];
  stop(): Promise<void>;
  /** A server that has ended by itself cannot be told from one that was stopped. */
  exited: Promise<string>;
}

const request = z.strictObject({
  chat_id: z.union([z.string(), z.int()]).transform(String),
  text: z.string().default(''),
  parse_mode: z.string().optional(),
  link_preview_options: z.object({ is_disabled: z.boolean().optional() }).optional(),
});

const PARSERS: Readonly<Record<string, (text: string) => Parsed>> = { html: parseHtml, markdownv2: parseMarkdown };

const MAX_LENGTH = 4096;

class Refusal extends Error {
  readonly status: number;
  readonly parameters: object | undefined;

  constructor(status: number, description: string, parameters?: object) {
    super(description);
    this.status = status;
    this.parameters = parameters;
  }
}

/**
 * A stand-in for the Bot API that is as strict as it is: it reads the markup, counts the characters, limits each chat and
 * knows chats that are gone. `GET /messages` tells what was accepted.
 */
export async function startTelegram({
  port = 0,
  token,
  chats = {},
  burst = 20,
  clock = Date.now,
  onMessage,
}: TelegramOptions): Promise<Telegram> {
  const messages: Message[] = [];
  const requests: unknown[] = [];
  const buckets = new Map<string, { left: number; at: number }>();

  function limit(chat: string): void {
    const now = clock();
    const bucket = buckets.get(chat) ?? { left: burst, at: now };
    const left = Math.min(burst, bucket.left + (now - bucket.at) / 1_000);
    buckets.set(chat, { left: left < 1 ? left : left - 1, at: now });
    const wait = Math.ceil(1 - left);
    if (left < 1) throw new Refusal(429, `Too Many Requests: retry after ${wait}`, { retry_after: wait });
  }

  function reach(id: string): void {
    const chat = /^(?:-?\d+|@\w+)$/.test(id) ? chats[id] : { kind: 'missing' as const };
    if (chat?.kind === 'missing') throw new Refusal(400, 'Bad Request: chat not found');
    if (chat?.kind === 'blocked') throw new Refusal(403, 'Forbidden: bot was blocked by the user');
    if (chat?.kind === 'migrated') {
      const description = 'Bad Request: group chat was upgraded to a supergroup chat';
      throw new Refusal(400, description, { migrate_to_chat_id: chat.to });
    }
  }

  function sendMessage(by: string, body: unknown): object {
    requests.push(body);
    if (by !== token) throw new Refusal(401, 'Unauthorized');
    const parsed = request.safeParse(body);
    if (!parsed.success) throw new Refusal(400, `Bad Request: ${parsed.error.issues[0]?.message}`);
    const { chat_id: chat, text, parse_mode: mode, link_preview_options: preview } = parsed.data;
    const parse = mode === undefined ? undefined : PARSERS[mode.toLowerCase()];
    if (mode !== undefined && !parse) throw new Refusal(400, 'Bad Request: unsupported parse_mode');
    const read = parse ? parse(text) : { text: text.trim(), entities: [] };
    if (read.text === '') throw new Refusal(400, 'Bad Request: message text is empty');
    if (read.text.length > MAX_LENGTH) throw new Refusal(400, 'Bad Request: message is too long');
    reach(chat);
    limit(chat);
    const message = { token: by, chat, ...read, linkPreview: preview?.is_disabled !== true };
    messages.push(message);
    onMessage?.(message);
    return { message_id: messages.length, date: Math.floor(clock() / 1_000), chat: { id: chat }, ...read };
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const [, by, method] = /^\/bot([^/]+)\/(\w+)$/.exec(incoming.url ?? '') ?? [];
    let text = '';
    for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
    if (incoming.url === '/messages') return void answer(200, messages);
    try {
      if (by === undefined || !/^\d+:[\w-]+$/.test(by) || method !== 'sendMessage') throw new Refusal(404, 'Not Found');
      answer(200, { ok: true, result: sendMessage(by, JSON.parse(text)) });
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(400, error instanceof Error ? error.message : '');
      if (!(error instanceof Refusal || error instanceof Unparsable || error instanceof SyntaxError)) throw error;
      const { status, message: description, parameters } = refusal;
      answer(status, { ok: false, error_code: status, description, ...(parameters && { parameters }) });
    }
  }

  const server = createServer((incoming, response) => void handle(incoming, response));
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the stand-in for Telegram has no address');
  return {
    url: `http://${LOOPBACK}:${bound.port}`,
    messages,
    requests,
    exited: new Promise((resolve) => server.once('error', ({ message }) => resolve(message))),
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
