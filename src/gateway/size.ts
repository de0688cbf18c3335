import { AppError } from '../kernel/errors.ts';

const tooLarge = (maxBytes: number) =>
  new AppError('payload_too_large', `The request body must not be larger than ${maxBytes} bytes`);

/** A body on its way up. */
export interface BoundedBody {
  stream: ReadableStream<Uint8Array> | null;
  /** Why it was broken off, once it was. */
  broken(): AppError | undefined;
  /** Aborted when it is broken off; nothing where that cannot come about. */
  signal: AbortSignal | undefined;
}

const whole = (stream: ReadableStream<Uint8Array> | null): BoundedBody => ({
  ...{ stream, broken: () => undefined, signal: undefined },
});

/**
 * The body of a request, of no more than so many bytes: refused at once where its length was announced, else broken off.
 * Whoever sends it on has to give up when `signal` says so: what is still being sent when its stream fails is ended by
 * workerd as if it were complete (measured: the request gets its last chunk).
 * Without a bound it is the request's own stream, which the platform carries without our reading it.
 * @throws AppError `payload_too_large`
 */
export function bounded({ body, headers }: Request, maxBytes: number | null): BoundedBody {
  if (maxBytes === null || body === null) return whole(body);
  const announced = headers.get('content-length');
  if (announced !== null) {
    // The platform reads no further than was announced.
    if (Number(announced) > maxBytes) throw tooLarge(maxBytes);
    return whole(body);
  }
  return counted(body, maxBytes);
}

function counted(body: ReadableStream<Uint8Array>, maxBytes: number): BoundedBody {
  const reader = body.getReader();
  const ended = new AbortController();
  let bytes = 0;
  let error: AppError | undefined;
  async function next(): Promise<ReadableStreamReadResult<Uint8Array>> {
    try {
      const piece = await reader.read();
      bytes += piece.value?.byteLength ?? 0;
      if (bytes <= maxBytes) return piece;
    } catch {
      throw new AppError('bad_request', 'The request body broke off');
    }
    reader.cancel().catch(() => undefined);
    throw tooLarge(maxBytes);
  }
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    try {
      const { done, value } = await next();
      if (done) controller.close();
      else controller.enqueue(value);
    } catch (fault) {
      if (fault instanceof AppError) error = fault;
      ended.abort();
      throw fault;
    }
  };
  // Nothing is read ahead of the upstream.
  const stream = new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 });
  return { stream, broken: () => error, signal: ended.signal };
}
