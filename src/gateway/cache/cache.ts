import type { Clock } from '../../kernel/clock.ts';
import { dropBody, type Message } from '../message.ts';
import { askOrigin, insteadOfError, whyForwarded } from './ask.ts';
import type { CacheReport } from './cache-status.ts';
import type { Call, Engine } from './engine.ts';
import { showing } from './fill.ts';
import { createFlights, type Landing, PATIENCE_MS, systemTimer, type Timer } from './flights.ts';
import { freshLeft } from './freshness.ts';
import { pathKeys, readQuery, resourceKey, variantKey } from './key.ts';
import type { Forward } from './origin.ts';
import { notCached, passOn, present } from './present.ts';
import { type NewPipe, workersPipe } from './pump.ts';
import { type CacheRequest, readTerms, whyBypassed } from './request.ts';
import type { CacheScope } from './scope.ts';
import { createShelf, type Found } from './shelf.ts';
import type { CacheStore } from './store.ts';
import { judge } from './verdict.ts';
import { locatedPaths } from './write.ts';

export interface CacheDeps {
  store: CacheStore;
  clock: Clock;
  /** Told of every failure of the store; the call goes on without it. */
  onStoreError(error: unknown): void;
  timer?: Timer;
  pipe?: NewPipe;
}

export interface GatewayCache {
  /**
   * Answers a call from the cache or through `forward`. Answers for which caching is on carry `Cache-Status` (RFC 9211),
   * stored ones `Age`.
   * @throws what `forward` throws, and AppError `gateway_timeout` for `Cache-Control: only-if-cached` without an answer
   */
  serve(request: CacheRequest, scope: CacheScope, forward: Forward): Promise<Message>;
}

/** A shared cache as RFC 9111 has it; one per isolate. */
export function createCache({
  store,
  clock,
  onStoreError,
  timer = systemTimer,
  pipe = workersPipe,
}: CacheDeps): GatewayCache {
  const engine: Engine = {
    ...{ clock, pipe, budget: { held: 0 } },
    shelf: createShelf({ store, clock, onStoreError }),
    flights: createFlights(timer),
  };
  return {
    serve(request, scope, forward) {
      const { method } = request;
      const off = scope.policy.mode === 'off';
      if (method === 'GET' || method === 'HEAD') return off ? forward() : read(engine, request, scope, forward);
      if (method === 'OPTIONS' || method === 'TRACE' || !scope.invalidates) return forward();
      return write(engine, request, scope, forward);
    },
  };
}

/**
 * A write that was not refused ends what is stored of its path and of those that its answer names (RFC 9111 §4.4), in
 * all their variants. A path is the one that clients ask for as well as the one that the upstream is asked for: either
 * may be what the reads of the resource have in common with its writes. It ends at once in this isolate, within 5 s in
 * the others of this data centre. Other data centres have the answer's lifetime, or a purge.
 */
async function write({ shelf }: Engine, request: CacheRequest, scope: CacheScope, forward: Forward): Promise<Message> {
  const response = await forward();
  if (response.status >= 200 && response.status < 400) {
    const paths = [request.target, request.path, ...locatedPaths(response.headers, request.path, scope.bases)];
    request.background(shelf.noteWrite(pathKeys(scope, paths)));
  }
  return scope.policy.mode === 'off' ? response : passOn(response, { fwd: 'method' });
}

async function read(engine: Engine, request: CacheRequest, scope: CacheScope, forward: Forward): Promise<Message> {
  const bypass = whyBypassed(request, scope.policy);
  if (bypass !== null) return passOn(await forward(), { fwd: 'bypass', detail: bypass });
  const { headers } = request;
  const { sent, keyed } = readQuery(request.query, scope.parameters);
  const terms = readTerms(headers);
  const resource = resourceKey(scope, request, keyed, terms.coding);
  const writes = pathKeys(scope, [request.target, request.path]);
  const place = { resource, writes, headers, caller: request.caller };
  const call: Call = { request, scope, forward, terms, place, query: sent, behind: false };
  const found = await engine.shelf.find(place);
  const answer = await fromFound(engine, call, found);
  if (answer !== null) return answer;
  if (terms.onlyIfCached) {
    await dropBody(found);
    throw notCached(request);
  }
  return waitOrAsk(engine, call, found);
}

/** The stored answer, if it may be used as it lies there. */
async function fromFound(engine: Engine, call: Call, found: Found, collapsed?: CacheReport): Promise<Message | null> {
  const { answer, body, key } = found;
  if (answer === null) return null;
  const { policy } = call.scope;
  const now = engine.clock().getTime();
  const verdict = judge(answer, call.terms, policy, now);
  if (verdict === 'validate') return null;
  if (verdict === 'behind') freshenBehind(engine, call, found, now);
  return present(answer, body, showing(call, engine.shelf, now, key), {
    ...(collapsed ?? { hit: true }),
    ttl: freshLeft(answer, policy, now),
  });
}

function freshenBehind(engine: Engine, call: Call, found: Found, now: number): void {
  if (engine.flights.join(found.key, now) !== undefined) return;
  const flight = engine.flights.lead(found.key, now);
  if (flight === undefined) return;
  const terms = { ...call.terms, ifNoneMatch: null, ifModifiedSince: null, range: null, ifRange: null };
  const behind = { ...call, terms, behind: true };
  const body = found.body instanceof ReadableStream ? null : found.body;
  // The call in front has its answer; a failure behind it leaves the stored one to age.
  const asking = askOrigin(engine, behind, { ...found, body }, flight).then(dropBody);
  call.request.background(asking.catch(() => undefined));
}

/**
 * Waits for who is asking the origin already, or asks. Where the one who asked had no luck, the first of those who waited
 * asks next and the others wait for it: an origin that fails is not asked by all of them at once.
 */
async function waitOrAsk(engine: Engine, call: Call, first: Found): Promise<Message> {
  const { terms, request } = call;
  const { flights, clock } = engine;
  const together = !terms.noStore && (terms.range === null || first.answer !== null);
  if (!together) return askOrigin(engine, call, first, undefined);
  const since = clock().getTime();
  let found = first;
  for (let now = since; now - since < PATIENCE_MS && !flights.unshareable(found.key, now); now = clock().getTime()) {
    const joined = flights.join(found.key, now);
    if (joined === undefined) break;
    const landing = await joined;
    const answer = await fromLanding(engine, call, found, landing);
    if (answer !== null) return answer;
    const own = landing.kind === 'answer' ? ownVariant(call, found, landing) : found;
    if (landing.kind !== 'failed' && own === found) break;
    found = own;
  }
  const flight = request.method === 'GET' ? flights.lead(found.key, clock().getTime()) : undefined;
  return askOrigin(engine, call, found, flight);
}

/** Where the call's own answer lies, once an answer has told by which fields they differ. */
function ownVariant({ place }: Call, found: Found, landing: Extract<Landing, { kind: 'answer' }>): Found {
  const { names } = landing;
  if (found.answer !== null || names.length === 0) return found;
  const key = variantKey(place.resource, names, place);
  return key === landing.key ? found : { ...found, names, key };
}

async function fromLanding(engine: Engine, call: Call, found: Found, landing: Landing): Promise<Message | null> {
  const fwd = whyForwarded(found, call.scope.policy, engine.clock().getTime());
  if (landing.kind === 'answer') {
    const { answer, body, key, names, fwdStatus } = landing;
    const own = names.length === 0 ? call.place.resource : variantKey(call.place.resource, names, call.place);
    if (own !== key) return null;
    await dropBody(found);
    return fromFound(engine, call, { ...found, key, names, answer, body }, { fwd, fwdStatus, collapsed: true });
  }
  if (landing.kind === 'stored') {
    const again = await engine.shelf.find(call.place);
    const answer = await fromFound(engine, call, again, { fwd, collapsed: true });
    if (answer === null) await dropBody(again);
    return answer;
  }
  return landing.kind === 'failed' ? insteadOfError(engine, call, found, { collapsed: true }) : null;
}
