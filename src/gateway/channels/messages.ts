import * as z from 'zod';

/** What is said over a socket of `/ws`: JSON texts, one object each. */

export const LIMITS = {
  /** UTF-8 bytes of a message that is sent to us. */
  messageBytes: 64 * 1024,
  /** Of one socket. The platform keeps at most 16,384 bytes a socket while its object sleeps. */
  subscriptions: 100,
  /** Of one socket, a second on average; up to `burst` at once. */
  messagesPerSecond: 20,
  burst: 40,
  /** Of one organization; the platform allows 32,768 an object. */
  connections: 10_000,
  /** Without a credential, of the whole deployment. */
  publicConnections: 2_000,
  /** Names that an answer about presence lists. */
  presenceNames: 1_000,
} as const;

export const channelName = z
  .string()
  .regex(/^[a-z0-9._:-]{1,100}$/, 'must be 1 to 100 of a–z, 0–9, ".", "_", ":" and "-"');

export const CLIENT_ID = /^[A-Za-z0-9._:-]{1,100}$/;

/** Taken over into the answer, so that a client can tell which of its messages it is about. */
const id = z.union([z.string().max(100), z.int()]).optional();

const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('subscribe'), channel: channelName, presence: z.boolean().optional(), id }),
  z.strictObject({ type: z.literal('unsubscribe'), channel: channelName, id }),
  z.strictObject({ type: z.literal('publish'), channel: channelName, data: z.json(), id }),
  z.strictObject({ type: z.literal('presence'), channel: channelName, id }),
  z.strictObject({ type: z.literal('status'), id }),
  z.strictObject({ type: z.literal('ping'), id }),
]);

export type ClientMessage = z.output<typeof clientMessage>;

type Id = ClientMessage['id'];

export type ServerMessage =
  | { type: 'welcome'; client_id: string; limits: typeof LIMITS }
  | { type: 'ack'; id: Id; action: ClientMessage['type']; channel: string; message_id?: string; recipients?: number }
  /** `from` is the sender's client id; null when it was published over HTTP. */
  | { type: 'message'; message_id: string; channel: string; data: unknown; from: string | null; sent_at: string }
  /** To who subscribed with `presence`. */
  | { type: 'presence'; channel: string; event: 'join' | 'leave'; client_id: string }
  | { type: 'presence'; id: Id; channel: string; count: number; client_ids: string[] }
  | { type: 'status'; id: Id; status: 'ok'; connections: number }
  | { type: 'pong'; id: Id }
  | { type: 'error'; id: Id; error: string; message: string };

export type Read = { ok: true; message: ClientMessage } | { ok: false; id: Id; why: string };

export function readMessage(text: string): Read {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, id: undefined, why: 'The message is not valid JSON' };
  }
  const parsed = clientMessage.safeParse(json);
  if (parsed.success) return { ok: true, message: parsed.data };
  const named = z.object({ id }).safeParse(json);
  const [issue] = parsed.error.issues;
  const why = issue ? `${issue.path.join('.') || 'message'}: ${issue.message}` : 'The message is not valid';
  return { ok: false, id: named.success ? named.data.id : undefined, why };
}
