import { AppError } from '../kernel/errors.ts';

const tooLarge = (maxBytes: number) =>
  new AppError('payload_too_large', `The request body must not be larger than ${maxBytes} bytes`);

/** A body on its way up. */
export interface BoundedBody {
  stream: ReadableStream<Uint8Array> | null;
  /** Why it was broken off, once it was. */
  broken(): AppError | undefined;
}

const whole = (stream: ReadableStream<Uint8Array> | null): BoundedBody => ({ stream, broken: () => undefined });

/**
 * The body of a request, of no more than so many bytes: refused at once where its length was announced, else broken off.
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
  let bytes = 0;
  let error: AppError | undefined;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes <= maxBytes) return controller.enqueue(chunk);
      error = tooLarge(maxBytes);
      controller.error(error);
    },
  });
  return { stream: body.pipeThrough(counter), broken: () => error };
}
