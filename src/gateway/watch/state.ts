import { type Breaker, newBreaker } from '../breaker/breaker.ts';
import { type CallWindow, newWindow } from '../breaker/window.ts';
import type { CompiledPool, CompiledUpstream } from '../compiled.ts';
import type { UpstreamHealth, WatchSettings } from './protocol.ts';

/** What the object of an API knows of one upstream. */
export interface Upstream {
  of: CompiledUpstream;
  pool: CompiledPool;
  kept: Kept;
  /** The calls of all isolates. Lost with the memory: each isolate still has its own. */
  window: CallWindow;
  failuresInARow: number;
  round: Round;
}

/** Later than any moment. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** What the next round of checks goes by; outlives the memory too, which between two rounds may be gone. JSON. */
export interface Round {
  /** When its health is to be checked, and its address looked up. */
  checkAt: number;
  resolveAt: number;
  /** Checks in a row that say otherwise than its health. */
  contrary: number;
  checkedAt: number;
}

/** What of it outlives the object's memory. JSON. */
export interface Kept {
  /** What is known is known of this address. */
  url: string;
  breaker: Breaker;
  health: UpstreamHealth;
  /** Its name leads to an address that nothing is sent to. */
  refused: boolean;
  /** 0 when it is not ejected. */
  ejectedUntil: number;
  /** When it came back from being open, unhealthy or ejected; 0: never. */
  backSince: number;
}

export interface WatchState {
  settings: WatchSettings | undefined;
  upstreams: Map<string, Upstream>;
  /** When the object last heard of calls, and of a publication or calls. */
  heardAt: number;
  activeAt: number;
}

export const newState = (): WatchState => ({ settings: undefined, upstreams: new Map(), heardAt: 0, activeAt: 0 });

const newKept = (url: string): Kept => ({
  url,
  breaker: newBreaker(),
  health: 'unknown',
  refused: false,
  ejectedUntil: 0,
  backSince: 0,
});

/** What is known of upstreams from before, by their ids. */
export type Remembered = ReadonlyMap<string, { kept: Kept; round?: Round | undefined }>;

/**
 * Takes settings over unless newer ones are known. What is known of an upstream stays while its address does: at another
 * address there is another server.
 */
export function configure(
  state: WatchState,
  settings: WatchSettings,
  now: number,
  remembered: Remembered = state.upstreams,
): boolean {
  if (state.settings && !isNewer(settings, state.settings)) return false;
  const windows = state.upstreams;
  state.settings = settings;
  state.upstreams = new Map();
  for (const pool of settings.pools) {
    for (const of of pool.upstreams) {
      const known = remembered.get(of.id);
      const same = known?.kept.url === of.url ? known : undefined;
      const window = same && windows.get(of.id)?.window;
      // What nobody checks any more must not stay down for ever.
      if (same && !pool.healthCheck) same.kept.health = 'unknown';
      state.upstreams.set(of.id, {
        ...{ of, pool, kept: same?.kept ?? newKept(of.url), failuresInARow: 0 },
        window: window?.windowMs === pool.breaker.windowMs ? window : newWindow(pool.breaker.windowMs),
        round: roundOf(of, pool, now, same?.round),
      });
    }
  }
  return true;
}

/** That a host is somebody's own is found out between two revisions. */
function isNewer(settings: WatchSettings, before: WatchSettings): boolean {
  if (settings.revision !== before.revision) return settings.revision > before.revision;
  const proven = new Set(provenIn(before));
  return provenIn(settings).some((id) => !proven.has(id));
}

const provenIn = ({ pools }: WatchSettings) =>
  pools.flatMap(({ upstreams }) => upstreams.flatMap(({ id, proven }) => (proven ? [id] : [])));

/** One that is checked already keeps its turn; one whose host is not proven is left alone. */
function roundOf(of: CompiledUpstream, pool: CompiledPool, now: number, round: Round | undefined): Round {
  const { contrary, checkedAt } = round ?? { contrary: 0, checkedAt: 0 };
  const { healthCheck } = pool;
  const checkAt = of.proven && healthCheck ? Math.min(round?.checkAt ?? now, now + healthCheck.intervalMs) : NEVER;
  return { contrary, checkedAt, checkAt, resolveAt: of.proven ? (round?.resolveAt ?? now) : NEVER };
}

/** Whether another upstream of its pool can take the calls. */
export function hasSubstitute(state: WatchState, { of, pool }: Upstream): boolean {
  return pool.upstreams.some((other) => {
    const known = state.upstreams.get(other.id);
    return other.id !== of.id && other.proven && other.weight > 0 && known !== undefined && isAble(known.kept);
  });
}

const isAble = ({ breaker, health, refused, ejectedUntil }: Kept) =>
  breaker.state === 'closed' && health !== 'unhealthy' && !refused && ejectedUntil === 0;
