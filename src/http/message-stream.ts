import { utf8 } from '../kernel/crypto.ts';

/**
 * A finite stream of server-sent events, each with one JSON text (WHATWG HTML §9.2). The next is made when the one before
 * it has been taken, and when the reader goes, so does what makes them. An error ends the stream without its last message.
 */
export function messageStream(messages: AsyncGenerator<unknown, void, undefined>): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  void pump(messages, writable.getWriter());
  return readable;
}

async function pump(
  messages: AsyncGenerator<unknown, void, undefined>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
) {
  try {
    for await (const message of messages) await writer.write(utf8(`data: ${JSON.stringify(message)}\n\n`));
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
  }
}
