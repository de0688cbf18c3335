import { SECOND } from '../../../kernel/clock.ts';
import { type GuardedFetch, OutboundRefusal } from '../../../outbound/guarded-fetch.ts';

/** What an exchange may read altogether, in bytes after decompression. */
const MAX_BYTES = 1024 * 1024;

/** For ending a session, which is a courtesy: what it was for has happened or failed. */
export const CLOSE_WITHIN_MS = 2 * SECOND;

/**
 * The requests of one exchange with a server: all of them guarded, all of them together bounded in time and bytes. It
 * remembers what the requests came to, since what a protocol's client throws does not always tell.
 */
export class Exchange {
  /** The last answer to anything but the end of a session. */
  last: { status: number; retryAfter: string | null } | undefined;
  /** Why nothing was sent, or nothing came. */
  refusal: OutboundRefusal | undefined;
  unreachable = false;
  tooLarge = false;
  /** The server answered 404 to a request within a session: it has forgotten the session. */
  sessionLost = false;
  readonly signal: AbortSignal;
  readonly #fetch: GuardedFetch;
  #left = MAX_BYTES;

  constructor(fetch: GuardedFetch, timeoutMs: number) {
    this.#fetch = fetch;
    this.signal = AbortSignal.timeout(timeoutMs);
  }

  /** Has the form of `fetch`, so that the SDK can be given it. Not for requests that something follows redirects for. */
  readonly send = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    // The stream for what a server says of its own accord: nobody here would listen, and it would stay open.
    if (init.method === 'GET' && !headers.has('last-event-id')) return new Response(null, { status: 405 });
    const closing = init.method === 'DELETE';
    const signals = closing
      ? [AbortSignal.timeout(CLOSE_WITHIN_MS)]
      : [this.signal, ...(init.signal ? [init.signal] : [])];
    const response = await this.#request(String(input), { ...init, headers, signal: AbortSignal.any(signals) });
    if (!closing) this.last = { status: response.status, retryAfter: response.headers.get('retry-after') };
    if (response.status === 404 && headers.has('mcp-session-id')) this.sessionLost = true;
    return this.#bounded(response);
  };

  async #request(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch (error) {
      if (error instanceof OutboundRefusal) this.refusal = error;
      else this.unreachable = true;
      throw error;
    }
  }

  #bounded(response: Response): Response {
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    // The SDK follows redirects within an origin by itself; without an address there is nothing to follow.
    headers.delete('location');
    if (!response.body) return new Response(null, { status, statusText, headers });
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.#left -= chunk.byteLength;
        this.tooLarge ||= this.#left < 0;
        if (this.tooLarge) controller.error(new Error(`the server said more than ${MAX_BYTES} bytes`));
        else controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
  }
}
