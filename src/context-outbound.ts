import { waitUntil } from 'cloudflare:workers';
import type { Config } from './env.ts';
import { createProver, type Prove } from './gateway/registry/index.ts';
import { systemClock } from './kernel/clock.ts';
import { parseAllowList } from './outbound/allow-list.ts';
import { createDestination, type Destination } from './outbound/destination.ts';
import type { OutboundPolicy } from './outbound/guard.ts';
import { createGuardedFetch, createJudge, createOutbound, type Judge } from './outbound/guarded-fetch.ts';
import { createResolver } from './outbound/resolver.ts';
import { createTextLookUp } from './outbound/text-records.ts';
import type { SenderDeps } from './triggers/actions/kind.ts';

/** How requests leave an isolate: what may be called, and by what rules. */

const hostOf = (url: string) => new URL(url).hostname;

/** An address as an entry of an allow-list. */
function allowEntryOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

/** What nobody's action may be pointed at: ourselves, and what we hold credentials for. */
export function outboundPolicyOf(config: Config): OutboundPolicy {
  const rpcHosts = config.chains.flatMap((chain) => chain.rpcUrls.map(hostOf));
  return {
    allow: parseAllowList(config.outbound.allow),
    dohUrl: config.outbound.dohUrl,
    ownHosts: [hostOf(config.baseUrl), hostOf(config.database.url), hostOf(config.redis.url), ...rpcHosts],
  };
}

interface WaysOut extends Pick<SenderDeps, 'outbound' | 'guardedFetch' | 'telegram'> {
  judge: Judge;
  /** Whether a host shows whose it is. */
  prove: Prove;
  /** A place that is called again and again: `https://api.example.com/v1`. */
  destination(base: string): Destination;
}

/** The ways out of an isolate, made once, so that its cache of resolved names is shared. */
const waysOutOf = new WeakMap<Config, WaysOut>();

export function waysOut(config: Config): WaysOut {
  const known = waysOutOf.get(config);
  if (known) return known;
  const send: typeof fetch = (input, init) => fetch(input, init);
  const dns = { fetch: send, dohUrl: config.outbound.dohUrl };
  const resolve = createResolver({ ...dns, clock: systemClock });
  const policy = outboundPolicyOf(config);
  const deps = { fetch: send, clock: systemClock, policy, resolve };
  // The Bot API's address is the operator's choice: allowed whatever it is, and to Telegram's messages alone.
  const { url, token } = config.telegram;
  const telegramPolicy = { ...policy, allow: parseAllowList(allowEntryOf(url)), ownHosts: [] };
  const guardedFetch = createGuardedFetch(deps);
  const made: WaysOut = {
    outbound: createOutbound(deps),
    guardedFetch,
    prove: createProver({ guardedFetch, lookUpText: createTextLookUp(dns) }),
    judge: createJudge(deps),
    destination: (base) =>
      createDestination({ ...deps, judge: createJudge(deps), background: (work) => waitUntil(work) }, base),
    telegram: { url, token, outbound: createOutbound({ ...deps, policy: telegramPolicy }) },
  };
  waysOutOf.set(config, made);
  return made;
}
