import { type Clock, SECOND } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';

/** Whom a request's body waits for, and since when; `answer`: it has been sent. */
export interface Waiting {
  for: 'caller' | 'upstream' | 'answer';
  since: number;
}

/** A request's body while it is carried to an upstream. */
export interface Upload {
  stream: ReadableStream<Uint8Array>;
  waiting(): Waiting;
  /** Why it was broken off, if it was: that is the caller's doing. */
  broken(): AppError | undefined;
  /**
   * Aborted before the stream fails. Whoever sends it has to give up then: what is still being sent when its stream fails
   * is ended by workerd as if it were complete (measured: the request gets its last chunk).
   */
  signal: AbortSignal;
  /** The answer has begun: from now on the caller may take as long as it likes. */
  leave(): void;
}

export interface UploadOptions {
  clock: Clock;
  /** Bytes, as they were announced. */
  length: number | null;
  maxBytes: number | null;
}

/** How long a caller may send nothing of a body that it owes. */
export const IDLE_MS = 30 * SECOND;

/** What is read at a time: more when there is more, so that an idle upload holds little memory. */
const LEAST_BYTES = 4 << 10;
const MOST_BYTES = 64 << 10;

export const tooLarge = (maxBytes: number) =>
  new AppError('payload_too_large', `The request body must not be larger than ${maxBytes} bytes`);

export const tooSlow = () =>
  new AppError('request_timeout', `Nothing of the request body came for ${IDLE_MS / SECOND} seconds`);

export const brokeOff = () => new AppError('bad_request', 'The request body broke off');

/**
 * Carries a body piece by piece, no further ahead of the upstream than one piece. The platform's own pipe would be faster
 * by a third (measured at 5 MB), but does not tell which of the two ends it waits for, and so who is to blame.
 * A stream of fixed length keeps `Content-Length`.
 */
export function startUpload(body: ReadableStream<Uint8Array>, { clock, length, maxBytes }: UploadOptions): Upload {
  const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  const reader = body.getReader({ mode: 'byob' });
  const writer = writable.getWriter();
  const ended = new AbortController();
  let error: AppError | undefined;
  let waiting: Waiting = { for: 'caller', since: clock().getTime() };
  let timer: ReturnType<typeof setTimeout> | undefined;

  const waitFor = (whom: Waiting['for']) => {
    waiting = { for: whom, since: clock().getTime() };
  };

  function watch(): void {
    const left = waiting.for === 'caller' ? waiting.since + IDLE_MS - clock().getTime() : IDLE_MS;
    if (left <= 0) breakOff(tooSlow());
    else timer = setTimeout(watch, left);
  }

  function breakOff(why: AppError): void {
    error = why;
    clearTimeout(timer);
    ended.abort();
    reader.cancel().catch(ignore);
    writer.abort(why).catch(ignore);
  }

  /** One piece; nothing at the end, or when it broke off. */
  async function next(buffer: ArrayBuffer): Promise<Uint8Array<ArrayBuffer> | undefined> {
    waitFor('caller');
    try {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      return done || error ? undefined : value;
    } catch {
      if (!error) breakOff(brokeOff());
      return undefined;
    }
  }

  async function carry(): Promise<void> {
    let bytes = 0;
    let buffer = new ArrayBuffer(LEAST_BYTES);
    for (let piece = await next(buffer); piece; piece = await next(buffer)) {
      bytes += piece.byteLength;
      if (maxBytes !== null && bytes > maxBytes) return breakOff(tooLarge(maxBytes));
      const isFull = piece.byteLength === piece.buffer.byteLength;
      waitFor('upstream');
      await writer.write(piece);
      buffer = isFull ? new ArrayBuffer(Math.min(2 * piece.buffer.byteLength, MOST_BYTES)) : piece.buffer;
    }
    if (error) return;
    waitFor('upstream');
    await writer.close();
    waitFor('answer');
    clearTimeout(timer);
  }

  watch();
  carry().catch((reason: unknown) => {
    // The upstream wants no more of it.
    clearTimeout(timer);
    reader.cancel(reason).catch(ignore);
  });
  return {
    ...{ stream: readable, waiting: () => waiting, broken: () => error, signal: ended.signal },
    leave: () => clearTimeout(timer),
  };
}

const ignore = () => undefined;
