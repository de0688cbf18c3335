import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';

/** Clients that do nothing by themselves: no redirects, no decoding, no fields of their own. */

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  text: string;
  /** Whether it ended as its framing says. */
  complete: boolean;
  trailers: IncomingMessage['trailers'];
}

export interface Sending {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer | Readable;
}

export function begin(port: number, path: string, { method = 'GET', headers = {}, body }: Sending = {}): ClientRequest {
  const length = typeof body === 'string' || Buffer.isBuffer(body) ? { 'Content-Length': Buffer.byteLength(body) } : {};
  const all = { ...length, ...headers };
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: all, agent: false });
  request.on('error', () => undefined);
  if (body === undefined) request.end();
  else if (typeof body === 'string' || Buffer.isBuffer(body)) request.end(body);
  else body.pipe(request);
  return request;
}

export async function open(port: number, path: string, sending?: Sending): Promise<IncomingMessage> {
  const [response] = (await once(begin(port, path, sending), 'response')) as [IncomingMessage];
  return response;
}

export async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch {
    // Broken off: what `complete` says.
  }
  const body = Buffer.concat(chunks);
  const { statusCode: status = 0, headers, complete, trailers } = response;
  return { status, headers, body, text: body.toString('utf8'), complete, trailers };
}

export const send = async (port: number, path: string, sending?: Sending): Promise<Answer> =>
  read(await open(port, path, sending));

/** How long a server may think about bytes after which nothing more will come. */
const PATIENCE_MS = 10_000;

export interface RawAnswer {
  text: string;
  /** Of every answer, in order. */
  statuses: number[];
}

/** Sends bytes as they are, and reads until the server has hung up, or has said all that `until` waits for. */
export async function talk(
  port: number,
  bytes: string | Buffer,
  until: (text: string) => boolean = () => false,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, PATIENCE_MS);
  socket.on('data', (data) => {
    text += data.toString('latin1');
    if (until(text)) over.resolve();
  });
  socket.on('close', () => over.resolve());
  socket.on('error', () => undefined);
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await over.promise;
  clearTimeout(timer);
  socket.destroy();
  return { text, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)) };
}
