import { type Clock, later, SECOND } from '../kernel/clock.ts';
import { createDns, type DnsDeps } from './dns.ts';

type Resolution =
  | { kind: 'addresses'; addresses: readonly string[] }
  /** The name has no address, or the resolver did not say: nothing was learnt, so nothing may be sent. */
  | { kind: 'failed'; reason: string };

/** Looks up every IPv4 and IPv6 address of a host name. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<Resolution>;

interface ResolverDeps extends DnsDeps {
  clock: Clock;
}

const TIMEOUT_MS = 5 * SECOND;
const MAX_CACHED_MS = 60 * SECOND;
const MAX_CACHED_NAMES = 1_000;

const A = 1;
const AAAA = 28;

type Records = { addresses: string[]; ttl: number } | undefined;

/**
 * A resolver over DNS-over-HTTPS. Both address families are asked for and both must answer; an alias is followed by the
 * service, whose answer lists the addresses at its end. Answers with addresses are kept for their TTL, at most 60 s
 * and at most 1,000 names; failures are not kept.
 *
 * The address that `fetch` dials a moment later is looked up again by the platform, and Workers offer no way to pin it:
 * whoever controls a name's DNS can answer this question and that one differently. What is left to them is the public
 * side of Cloudflare's network (`global_fetch_strictly_public`), which routes to no private address of ours.
 */
export function createResolver({ clock, ...dns }: ResolverDeps): Resolve {
  const askDns = createDns(dns);
  const cache = new Map<string, { addresses: readonly string[]; until: Date }>();

  async function ask(host: string, type: number, signal: AbortSignal): Promise<Records> {
    const records = await askDns(host, type, signal);
    if (!records) return undefined;
    return {
      addresses: records.filter((record) => record.type === type).map((record) => record.data),
      ttl: Math.min(...records.map((record) => record.TTL)),
    };
  }

  async function askBoth(host: string, signal: AbortSignal): Promise<readonly [Records, Records]> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      return await Promise.all([ask(host, A, bounded), ask(host, AAAA, bounded)]);
    } catch {
      return [undefined, undefined];
    }
  }

  return async (host, signal) => {
    const known = cache.get(host);
    if (known && known.until > clock()) return { kind: 'addresses', addresses: known.addresses };
    cache.delete(host);
    const [v4, v6] = await askBoth(host, signal);
    if (!v4 || !v6) return { kind: 'failed', reason: 'the host name could not be looked up' };
    const addresses = [...v4.addresses, ...v6.addresses];
    if (addresses.length === 0) return { kind: 'failed', reason: 'the host name has no address' };
    const keepMs = Math.min(v4.ttl * SECOND, v6.ttl * SECOND, MAX_CACHED_MS);
    if (cache.size >= MAX_CACHED_NAMES) cache.clear();
    if (keepMs > 0) cache.set(host, { addresses, until: later(clock(), keepMs) });
    return { kind: 'addresses', addresses };
  };
}
