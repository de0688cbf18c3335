import { type Clock, SECOND } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { CompiledApi, CompiledGateway } from './compiled.ts';

/** What the organization's object answers when it is asked for the data plane's part of what was published to it. */
interface PublishedGateway {
  version: number;
  /** Nothing when it is the version that is known. */
  parts: readonly string[] | null;
}

const UNREACHABLE = 'What APIs there are cannot be found out at the moment';

/** The first part; each other one is a CompiledApi. */
export interface GatewayHead {
  names: readonly string[];
  boundTo: Readonly<Record<string, string>>;
}

export interface SnapshotDeps<T> {
  clock: Clock;
  /** Asks the organization's object, which tells of versions after `known`; nothing when it was never published. */
  ask(organizationId: string, known: number): Promise<PublishedGateway | undefined>;
  /** Makes what requests are served with, once a version. */
  build(gateway: CompiledGateway): T;
  /** Lets work go on after the request that began it. */
  background(work: Promise<unknown>): void;
}

/** Organizations whose gateways an isolate holds; those that were asked for longest ago are forgotten. */
const MAX_HELD = 200;

/** Of all that is held, in characters of JSON: an isolate has 128 MB for everything, and the indexes take some more. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

/** Confirmations a second for an organization: a flood of requests that reach nothing must not become one of questions. */
const CONFIRMATIONS = 20;

interface Held<T> {
  version: number;
  characters: number;
  value: T;
  confirmed: { second: number; times: number };
}

export interface Snapshots<T> {
  /**
   * What an organization's requests are served with, in this version or a later one; nothing when the organization was
   * never published. What is older than `atLeast` is never answered.
   * @throws AppError `service_unavailable` when the organization's object cannot be reached; Error when it does not know of
   * that version
   */
  get(organizationId: string, atLeast?: number): Promise<T | undefined>;
  /**
   * What is in force now, for an answer that no admission vouches for. Under a flood of such questions it is what was in
   * force up to a second ago.
   * @throws AppError as `get` does
   */
  confirm(organizationId: string): Promise<T | undefined>;
}

/**
 * The gateways that an isolate serves by. A request is served by one of them from beginning to end; a newer one is taken
 * when the isolate is told that there is one, in answer to a request's admission.
 */
export function createSnapshots<T>({ clock, ask, build, background }: SnapshotDeps<T>): Snapshots<T> {
  const held = new Map<string, Held<T>>();
  const loads = new Map<string, Promise<Held<T> | undefined>>();
  let characters = 0;

  function drop(organizationId: string): void {
    characters -= held.get(organizationId)?.characters ?? 0;
    held.delete(organizationId);
  }

  function keep(organizationId: string, one: Held<T>): void {
    drop(organizationId);
    held.set(organizationId, one);
    characters += one.characters;
    for (const oldest of held.keys()) {
      const isFull = held.size > MAX_HELD || characters > MAX_CHARACTERS;
      if (!isFull || oldest === organizationId) return;
      drop(oldest);
    }
  }

  async function load(organizationId: string): Promise<Held<T> | undefined> {
    const before = held.get(organizationId);
    const published = await ask(organizationId, before?.version ?? -1).catch((cause: unknown) => {
      throw new AppError('service_unavailable', UNREACHABLE, { retryAfter: 1, cause });
    });
    if (!published) return undefined;
    const known = held.get(organizationId);
    if (known && known.version >= published.version) return known;
    // What was known when it was asked has been forgotten meanwhile.
    if (!published.parts) return before;
    const { version, parts } = published;
    const one = {
      version,
      characters: parts.reduce((sum, part) => sum + part.length, 0),
      value: build(parse(organizationId, version, parts)),
      confirmed: { second: 0, times: 0 },
    };
    keep(organizationId, one);
    return one;
  }

  /** One question at a time; who needs a version that it may be too early for asks again. */
  function loadOnce(organizationId: string): Promise<Held<T> | undefined> {
    const underWay = loads.get(organizationId);
    if (underWay) return underWay;
    const loading = load(organizationId).finally(() => loads.delete(organizationId));
    loads.set(organizationId, loading);
    // Others wait for it: it must not be cancelled, and so never settle, with the request that happened to begin it.
    background(loading.catch(() => undefined));
    return loading;
  }

  return {
    async get(organizationId, atLeast = 0) {
      const known = held.get(organizationId);
      if (known && known.version >= atLeast) {
        held.delete(organizationId);
        held.set(organizationId, known);
        return known.value;
      }
      const one = await loadOnce(organizationId);
      if (!one || one.version >= atLeast) return one?.value;
      const again = await loadOnce(organizationId);
      if (again && again.version < atLeast) throw new Error('the object does not know the version that it told of');
      return again?.value;
    },
    async confirm(organizationId) {
      const known = held.get(organizationId);
      if (known && !mayConfirm(known, clock().getTime())) return known.value;
      return (await loadOnce(organizationId))?.value;
    },
  };
}

function mayConfirm<T>({ confirmed }: Held<T>, now: number): boolean {
  const second = Math.floor(now / SECOND);
  confirmed.times = confirmed.second === second ? confirmed.times + 1 : 1;
  confirmed.second = second;
  return confirmed.times <= CONFIRMATIONS;
}

/** The parts are what the registry made, as it was published. */
function parse(organizationId: string, version: number, [head, ...apis]: readonly string[]): CompiledGateway {
  const { names, boundTo } = head === undefined ? { names: [], boundTo: {} } : (JSON.parse(head) as GatewayHead);
  return { organizationId, names, boundTo, version, apis: apis.map((text) => JSON.parse(text) as CompiledApi) };
}
