/** A message of a stream, as a browser would dispatch it; `type` is empty for a block that only sets the id. */
export interface Message {
  id: string;
  type: string;
  data: Record<string, unknown> | undefined;
}

/** Reads a block of server-sent events by the rules of WHATWG HTML §9.2.6, as far as they are used. */
function parseBlock(block: string): Message {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    if (name !== '') fields.set(name, value);
  }
  const data = fields.get('data');
  return { id: fields.get('id') ?? '', type: fields.get('event') ?? '', data: data ? JSON.parse(data) : undefined };
}

/** Reads a live view message by message. */
export function readMessages(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';

  /** The next block, be it one that only sets the id. */
  async function block(): Promise<Message> {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const found = text.slice(0, end);
        text = text.slice(end + 2);
        return parseBlock(found);
      }
      const { done, value } = await reader.read();
      if (done) throw new Error('the stream has ended');
      text += decoder.decode(value, { stream: true });
    }
  }

  /** The next message that is dispatched. */
  async function next(): Promise<Message> {
    for (;;) {
      const message = await block();
      if (message.type !== '') return message;
    }
  }

  return { block, next, close: () => reader.cancel() };
}
