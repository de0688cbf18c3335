/** A pair of ends: what is written to one is read from the other, one piece at a time. */
export interface Pipe {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}

/** Makes a pipe; with a length, for exactly so many bytes (they are announced then, and fewer are an error). */
export type NewPipe = (length: number | null) => Pipe;

export const workersPipe: NewPipe = (length) =>
  length === null ? new IdentityTransformStream() : new FixedLengthStream(length);

/** Takes a copy of what goes by. */
export interface Sink {
  take(chunk: Uint8Array): Promise<void> | void;
  /** All of it was there. */
  done(): Promise<void>;
  /** It broke off: by the origin, or because the client went away. */
  fail(): void;
}

/**
 * Hands a body on as fast as the slower of its two receivers takes it, so that nothing piles up in between; that is
 * what `tee` would let happen. Without a client the sink alone gets it. Never rejects.
 */
export async function pump(
  source: ReadableStream<Uint8Array>,
  client: WritableStream<Uint8Array> | null,
  sink: Sink,
): Promise<void> {
  const reader = source.getReader();
  const writer = client?.getWriter();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await sink.take(value);
      await writer?.write(value);
    }
    await writer?.close();
    await sink.done();
  } catch (error) {
    sink.fail();
    await Promise.allSettled([reader.cancel(error), writer?.abort(error)]);
  }
}

/** What all sinks of an isolate hold together, of its 128 MB; what does not fit is not stored. */
const COLLECTING_BYTES = 16 * 1_048_576;

/** Most that one body of unknown length is gathered to before it is given up. */
const COLLECT_BYTES = 1_048_576;

export interface Budget {
  held: number;
}

/** Gathers a body to store it whole once it has ended: only then is its length known. `maxBytes` ends the attempt. */
export function collector(
  budget: Budget,
  maxBytes: number,
  end: (bytes: Uint8Array<ArrayBuffer> | null) => Promise<void> | void,
): Sink {
  let pieces: Uint8Array[] | null = [];
  let length = 0;
  const limit = Math.min(maxBytes, COLLECT_BYTES);
  const release = () => {
    budget.held -= length;
    pieces = null;
    length = 0;
  };
  const giveUp = () => {
    if (pieces === null) return;
    release();
    void end(null);
  };
  return {
    take(chunk) {
      if (pieces === null) return;
      if (length + chunk.length > limit || budget.held + chunk.length > COLLECTING_BYTES) return giveUp();
      pieces.push(chunk.slice());
      length += chunk.length;
      budget.held += chunk.length;
    },
    async done() {
      if (pieces === null) return;
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const piece of pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
      release();
      await end(bytes);
    },
    fail: giveUp,
  };
}

/**
 * Streams a body of known length into the store. A store that stops reading, for whatever reason, ends only its own
 * copy: the client's goes on.
 */
export function storeWriter(
  pipe: Pipe,
  put: (stream: ReadableStream<Uint8Array>) => Promise<void>,
  end: (stored: boolean) => void,
): Sink {
  const writer = pipe.writable.getWriter();
  let open = true;
  // A write that waits for a reader outlives even `abort` (Streams: a write in flight is finished first).
  const gone = Promise.withResolvers<void>();
  const close = (reason: string) => {
    gone.resolve();
    if (!open) return;
    open = false;
    void writer.abort(new Error(reason)).catch(() => undefined);
  };
  // An aborted writer rejects this; nobody else listens.
  void writer.closed.catch(() => undefined);
  let complete = false;
  const settled = (took: boolean) => {
    close('the store has stopped reading');
    end(took && complete);
  };
  const putting = put(pipe.readable).then(
    () => settled(true),
    () => settled(false),
  );
  return {
    async take(chunk) {
      if (!open) return;
      try {
        await Promise.race([writer.write(chunk.slice()), gone.promise]);
      } catch {
        open = false;
      }
    },
    async done() {
      if (open) {
        open = false;
        complete = true;
        const closing = writer.close().catch(() => {
          complete = false;
        });
        await Promise.race([closing, gone.promise]);
      }
      await putting;
    },
    fail: () => close('the body broke off'),
  };
}
