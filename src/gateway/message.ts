import type { FieldMap } from '../http/header-fields.ts';

/** An answer on its way to the caller. */
export type Message = Response | OwnMessage;

/** One that the platform has not taken over yet. */
export interface OwnMessage {
  readonly status: number;
  readonly headers: FieldMap;
  /** As on the wire: whatever coding `Content-Encoding` names is neither undone nor repeated. */
  readonly body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string | null;
  /** Of an upstream that agreed to one, with status 101. */
  readonly webSocket?: WebSocket | null;
}

/** Statuses whose answers have no body (Fetch Standard, "null body status"). */
export const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** What the platform sends. @throws TypeError when a field is none; RangeError when the status is none of an answer */
export function toResponse(message: Message): Response {
  if (message instanceof Response) return message;
  const { status, headers, body, webSocket } = message;
  const init = webSocket ? { status, webSocket } : ({ status, encodeBody: 'manual' } as const);
  const response = new Response(BODILESS.has(status) ? null : body, init);
  headers.writeTo(response.headers);
  return response;
}

/** Of what is not passed on. */
export async function dropBody({ body }: Pick<Message, 'body'>): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel();
}
