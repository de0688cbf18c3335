import type { Answer } from './answer.ts';

/**
 * How one request to the origin ended, for those who waited for it. `answer`: here it is, with its body; `stored`: look
 * into the store; `failed`: the origin did not answer well; `unshareable`: what came is not for others; `alone`: nothing
 * came.
 */
export type Landing =
  | {
      kind: 'answer';
      answer: Answer;
      body: Uint8Array<ArrayBuffer>;
      key: string;
      names: readonly string[];
      fwdStatus: number;
    }
  | { kind: 'stored' }
  | { kind: 'failed' }
  | { kind: 'unshareable' }
  | { kind: 'alone' };

export interface Flight {
  land(landing: Landing): void;
}

export interface Flights {
  /** What to wait for; `undefined`: nobody is asking the origin for this key. */
  join(key: string, now: number): Promise<Landing> | undefined;
  /**
   * Announces a request to the origin; `undefined`: somebody else does, there is no room, or answers at this key were
   * not for others lately.
   */
  lead(key: string, now: number): Flight | undefined;
  /** Whether answers at this key were not for others lately. */
  unshareable(key: string, now: number): boolean;
}

/** Waits longer than this end, and whoever waited asks the origin itself. */
export const PATIENCE_MS = 5_000;

/** For how long nobody waits at a key whose answer was not for others: waiting would put them in a row for nothing. */
const UNSHAREABLE_MS = 10_000;

const MOST = 1_000;

/** A timer: calls back once, unless what it returns is called first. */
export type Timer = (ms: number, fire: () => void) => () => void;

export const systemTimer: Timer = (ms, fire) => {
  const timer = setTimeout(fire, ms);
  return () => clearTimeout(timer);
};

/**
 * Requests to the origin that others in this isolate wait for. Only plain bytes cross from one request to another:
 * workerd lets no request read another's stream. A leader whose client went away may never land; that is why every wait
 * has an end and why nobody joins a flight older than that.
 */
export function createFlights(timer: Timer): Flights {
  const flying = new Map<string, { since: number; landed: Promise<Landing> }>();
  const alone = new Map<string, number>();

  const unshareable = (key: string, now: number) => {
    const until = alone.get(key);
    if (until === undefined) return false;
    if (until > now) return true;
    alone.delete(key);
    return false;
  };

  return {
    unshareable,
    join(key, now) {
      const flight = flying.get(key);
      if (flight === undefined || now - flight.since >= PATIENCE_MS) return undefined;
      return new Promise((resolve) => {
        const stop = timer(PATIENCE_MS, () => resolve({ kind: 'alone' }));
        void flight.landed.then((landing) => {
          stop();
          resolve(landing);
        });
      });
    },
    lead(key, now) {
      const other = flying.get(key);
      if (unshareable(key, now) || (other !== undefined && now - other.since < PATIENCE_MS)) return undefined;
      if (flying.size >= MOST)
        for (const [old, { since }] of flying) if (now - since >= PATIENCE_MS) flying.delete(old);
      if (flying.size >= MOST) return undefined;
      const { promise, resolve } = Promise.withResolvers<Landing>();
      const flight = { since: now, landed: promise };
      flying.set(key, flight);
      return {
        land(landing) {
          if (flying.get(key) === flight) flying.delete(key);
          if (landing.kind === 'unshareable') {
            if (alone.size >= MOST) alone.clear();
            alone.set(key, now + UNSHAREABLE_MS);
          }
          resolve(landing);
        },
      };
    },
  };
}
