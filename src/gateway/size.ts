import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { brokeOff, IDLE_MS, startUpload, tooLarge, tooSlow, type Upload } from './upstream/upload.ts';

/** The body of a request, as it can be sent on: bytes can be sent again. */
export interface ReceivedBody {
  body: ReadableStream<Uint8Array> | Uint8Array | null;
  /** Of a stream. */
  upload: Upload | undefined;
}

const NOTHING: ReceivedBody = { body: null, upload: undefined };

/** Up to so many announced bytes are read before an upstream is asked: a caller that stalls then never holds one up. */
const READ_WHOLE = 16 << 10;

interface ReceiveOptions {
  clock: Clock;
  maxBytes: number | null;
}

/**
 * The body of a request, of no more than so many bytes: refused at once where its length was announced, else broken off.
 * @throws AppError `payload_too_large`; `bad_request` for content of GET and HEAD, and when it broke off; `request_timeout`
 */
export async function receiveBody(request: Request, { clock, maxBytes }: ReceiveOptions): Promise<ReceivedBody> {
  const { body, method, headers } = request;
  if (body === null) return NOTHING;
  const announced = headers.get('content-length');
  // The platform reads no further than was announced.
  const length = announced === null ? null : Number(announced);
  if (length === 0) return NOTHING;
  if (maxBytes !== null && length !== null && length > maxBytes) throw tooLarge(maxBytes);
  if (method === 'GET' || method === 'HEAD') return refuseContent(method, body, length);
  if (length !== null && length <= READ_WHOLE) {
    return { body: new Uint8Array(await inTime(request.arrayBuffer())), upload: undefined };
  }
  const upload = startUpload(body, { clock, length, maxBytes });
  return { body: upload.stream, upload };
}

/** The platform sends none with these methods, and none means anything there (RFC 9110 §9.3.1). */
async function refuseContent(
  method: string,
  body: ReadableStream<Uint8Array>,
  length: number | null,
): Promise<ReceivedBody> {
  // One whose length nobody told may be empty.
  if (length === null && (await inTime(body.getReader().read())).done) return NOTHING;
  throw new AppError('bad_request', `A ${method} request cannot be passed on with a body`);
}

async function inTime<T>(reading: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(tooSlow()), IDLE_MS);
  const broken = () => {
    throw brokeOff();
  };
  try {
    return await Promise.race([reading.catch(broken), late]);
  } finally {
    clearTimeout(timer);
  }
}
