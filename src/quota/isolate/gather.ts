/** Requests that call one object at a time, where a call takes long. */
const MAX_CALLERS = 4;

/** Up to this many milliseconds it costs nobody much to wait for the call before. */
const NEAR = 10;

/**
 * Where the last call was for several, the next one waits for so many milliseconds, so that who is about to come goes with
 * it too. A call costs the object and this isolate so much that a millisecond's wait makes all of them sooner.
 */
const PAUSE = 1;

/** How long a request goes on calling for others, in milliseconds: the platform does not let it live on for ever. */
const SHIFT = 1_000;

interface Waiting<Request, Answer> {
  request: Request;
  settle(answer: Answer): void;
  fail(reason: unknown): void;
}

/** What an isolate has to ask of one object. */
export interface Line<Request, Answer> {
  waiting: Waiting<Request, Answer>[];
  /** When each caller is done at the latest: one whose request was killed ends without a word. */
  callers: { until: number }[];
  /** Milliseconds that the last call took. */
  took: number;
}

export const newLine = <Request, Answer>(): Line<Request, Answer> => ({
  waiting: [],
  callers: [],
  took: Number.POSITIVE_INFINITY,
});

export interface GatherDeps<Request, Answer> {
  /** One call for several requests; the answers come in their order. */
  send(to: string, requests: readonly Request[]): Promise<readonly Answer[]>;
  /** Keeps the request alive that calls for others, though it is answered itself. */
  background(work: Promise<unknown>): void;
  now(): number;
  /** Does something later, unless it is called off before. */
  after(milliseconds: number, run: () => void): () => void;
  /** Rejects when there is no answer after `patience`. */
  inTime<T>(answer: Promise<T>): Promise<T>;
  /** Whether one request may settle what another waits for; else each calls for itself. */
  shares: boolean;
  /** Milliseconds that an answer may take, the wait for the call included. */
  patience: number;
}

/**
 * Gathers the questions that an isolate has for one object into few calls, which cost many times what the object needs to
 * decide. To an object nearby one request calls at a time, for all who have come since it called last; to one far away
 * several do, so that whoever comes waits for a part of a round trip at most. A call that fails fails for everybody who
 * waits, who need not find out one after another. Databases write their logs so (PostgreSQL's `commit_delay`).
 */
export function gather<Request, Answer>(deps: GatherDeps<Request, Answer>) {
  const { now, after, patience } = deps;

  function mayCall(line: Line<Request, Answer>): boolean {
    if (!deps.shares) return true;
    const most = line.took < NEAR ? 1 : MAX_CALLERS;
    if (line.callers.length >= most) line.callers = line.callers.filter(({ until }) => until > now());
    return line.callers.length < most;
  }

  /** Calls for all who wait, and again for those who have come since. */
  async function call(line: Line<Request, Answer>, to: string): Promise<void> {
    const self = { until: 0 };
    line.callers.push(self);
    const shiftEnds = now() + SHIFT;
    do {
      self.until = now() + patience;
      const answered = await callOnce(line, to);
      if (answered <= 1 || line.took >= NEAR) continue;
      self.until = now() + NEAR;
      await pause();
    } while (line.waiting.length > 0 && now() < shiftEnds);
    line.callers = line.callers.filter((other) => other !== self);
    // Who comes from here on calls anew.
    if (line.waiting.length > 0) await callOnce(line, to);
  }

  const pause = () => new Promise<void>((resolve) => void after(PAUSE, resolve));

  /** How many were answered. */
  async function callOnce(line: Line<Request, Answer>, to: string): Promise<number> {
    const batch = line.waiting.splice(0);
    const askedAt = now();
    try {
      const requests = batch.map(({ request }) => request);
      const answers = await deps.send(to, requests);
      if (answers.length !== batch.length) throw new Error('not every question was answered');
      line.took = now() - askedAt;
      for (const [index, answer] of answers.entries()) batch[index]?.settle(answer);
      return answers.length;
    } catch (error) {
      for (const { fail } of [...batch, ...line.waiting.splice(0)]) fail(error);
      return 0;
    }
  }

  /** Asks one question. Rejects when there is no answer in time, and then is not asked any more. */
  return async (line: Line<Request, Answer>, to: string, request: Request): Promise<Answer> => {
    const { promise, resolve: settle, reject: fail } = Promise.withResolvers<Answer>();
    const self = { request, settle, fail };
    line.waiting.push(self);
    if (mayCall(line)) deps.background(call(line, to));
    try {
      return await deps.inTime(promise);
    } catch (error) {
      line.waiting = line.waiting.filter((other) => other !== self);
      throw error;
    }
  };
}
