/** One reader's end of a stream. Nothing here fails: who has gone is told by `gone`. */
export interface Sink {
  /** Bytes that were written and that the reader has not taken yet. An end that it has not seen counts as one. */
  readonly waiting: number;
  readonly gone: boolean;
  write(bytes: Uint8Array): void;
  /** Resolves when the reader has taken everything, or has gone. */
  drained(): Promise<void>;
  /** Lets the reader take what waits, and ends. */
  end(): void;
  /** Ends at once, also after `end`. */
  cut(): void;
}

/** A pipe that counts what its reader has not taken yet: a write is done when it has been read. */
export function openPipe(): { readable: ReadableStream<Uint8Array>; sink: Sink } {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  let last: Promise<void> = Promise.resolve();
  const state = { waiting: 0, gone: false };
  const leave = () => {
    state.gone = true;
  };
  writer.closed.catch(leave);
  const count = (amount: number, taken: Promise<void>): Promise<void> => {
    state.waiting += amount;
    return taken.then(() => {
      state.waiting -= amount;
    }, leave);
  };
  const sink: Sink = {
    get waiting() {
      return state.waiting;
    },
    get gone() {
      return state.gone;
    },
    write(bytes) {
      last = count(bytes.byteLength, writer.write(bytes));
    },
    drained: () => last,
    end() {
      last = count(1, writer.close());
    },
    cut: () => void writer.abort(new Error('the reader does not keep up')).catch(leave),
  };
  return { readable, sink };
}
