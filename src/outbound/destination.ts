import { type Clock, SECOND } from '../kernel/clock.ts';
import { checkUrl, type OutboundPolicy } from './guard.ts';
import { type Judge, OutboundRefusal } from './guarded-fetch.ts';

interface DestinationDeps {
  fetch: typeof fetch;
  clock: Clock;
  policy: OutboundPolicy;
  judge: Judge;
  /** Lets work go on after the request that began it. */
  background(work: Promise<unknown>): void;
}

/**
 * A place that a user chose and that is called again and again.
 * @throws OutboundRefusal when nothing may be sent to it; UnsendableRequest; the signal's reason; whatever `fetch` throws
 * otherwise
 */
export interface Destination {
  /** `rest` is a path below the base and a query, in canonical spelling: it cannot lead anywhere else. */
  fetch(rest: string, init: RequestInit & { signal: AbortSignal }): Promise<Response>;
}

/** What the platform makes no request of: the destination was sent nothing. */
export class UnsendableRequest extends Error {
  constructor(cause: unknown) {
    super('The platform does not send this request', { cause });
    this.name = 'UnsendableRequest';
  }
}

/** How long a judgement of the name's addresses holds. */
const JUDGED_FOR = 60 * SECOND;

/** The judgement is made again in the background when it is that old, so that a busy destination never waits for it. */
const RENEWED_AFTER = 30 * SECOND;

/** Longest time that a look-up may take. */
const PATIENCE = 5 * SECOND;

/**
 * Judges a destination's address once, and the addresses of its name once a minute, by the same rules as every other
 * request to an address that a user chose. Redirects are answers and are never followed.
 * @param base an origin and a path without a slash at its end: `https://api.example.com/v1`
 */
export function createDestination(deps: DestinationDeps, base: string): Destination {
  const { fetch, clock, policy, judge, background } = deps;
  const check = checkUrl(`${base}/`, policy);
  let judgedAt = Number.NEGATIVE_INFINITY;
  let judging: Promise<void> | undefined;

  async function judgeNow(): Promise<void> {
    try {
      await judge(`${base}/`, AbortSignal.timeout(PATIENCE));
      judgedAt = clock().getTime();
    } catch (error) {
      // A name that could not be looked up may still stand for what it stood for a moment ago.
      if (error instanceof OutboundRefusal && error.kind === 'refused') judgedAt = Number.NEGATIVE_INFINITY;
      throw error;
    } finally {
      judging = undefined;
    }
  }

  function judgeOnce(): Promise<void> {
    if (judging) return judging;
    judging = judgeNow();
    // Others wait for it: it must not be cancelled, and so never settle, with the request that happened to begin it.
    background(judging.catch(() => undefined));
    return judging;
  }

  return {
    async fetch(rest, init) {
      if (!check.ok) throw new OutboundRefusal('refused', `The address ${check.reason}`);
      if (!check.listed) {
        const age = clock().getTime() - judgedAt;
        if (age >= JUDGED_FOR) await unlessAborted(judgeOnce(), init.signal);
        else if (age >= RENEWED_AFTER) judgeOnce().catch(() => undefined);
      }
      // `manual` hands a redirect back untouched, and the body as it came over the wire, coded or not.
      try {
        return await fetch(base + rest, { ...init, redirect: 'manual', encodeResponseBody: 'manual' });
      } catch (error) {
        throw isSendable(base + rest, init) ? error : new UnsendableRequest(error);
      }
    },
  };
}

/** Whether there is such a request at all, which `fetch` finds out before it sends anything (Fetch Standard §5.4). */
function isSendable(url: string, { method = 'GET', headers = {}, body }: RequestInit): boolean {
  try {
    return new Request(url, { method, headers, ...(body != null && { body: 'x' }) }).method !== '';
  } catch {
    return false;
  }
}

/** Who waits may give up before what they wait for is there. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp);
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
