import { exports } from 'cloudflare:workers';

/** The answer to a WebSocket's handshake at the Worker's own entry. */
export const openSocket = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  exports.default.fetch(new Request(`https://weir.test${path}`, { headers: { Upgrade: 'websocket', ...headers } }));

type Message = string | ArrayBuffer;

/** One end of a socket, whose messages are kept until they are asked for. */
export function collect(socket: WebSocket, headers = new Headers()) {
  const messages: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    const message = data as Message; // by `binaryType`
    const first = waiting.shift();
    if (first) first(message);
    else messages.push(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
  });
  socket.accept();
  const next = async (): Promise<Message> => messages.shift() ?? new Promise((resolve) => waiting.push(resolve));
  return {
    headers,
    closed,
    next,
    send: (message: Message) => socket.send(message),
    close: (code?: number, reason?: string) => socket.close(code, reason),
    /** What `next` is told in JSON. */
    nextJson: async () => JSON.parse(String(await next())) as Record<string, unknown>,
    sendJson: (message: object) => socket.send(JSON.stringify(message)),
  };
}

/** A socket that must be opened. */
export async function opened(path: string, headers: Record<string, string> = {}) {
  const answer = await openSocket(path, headers);
  if (!answer.webSocket) throw new Error(`the handshake was answered with ${answer.status}: ${await answer.text()}`);
  return collect(answer.webSocket, answer.headers);
}
