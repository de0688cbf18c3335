import { isPublicAddress, parseAddress } from './address.ts';
import { type AllowList, isAllowed } from './allow-list.ts';

/** What the deployment says about requests to addresses that users chose. */
export interface OutboundPolicy {
  readonly allow: AllowList;
  /** Host names of the deployment itself and of what it depends on; refused together with their subdomains. */
  readonly ownHosts: readonly string[];
  /** A DNS-over-HTTPS service that answers `application/dns-json`. Its own host is refused as a destination. */
  readonly dohUrl: string;
}

export type UrlCheck =
  /** `listed`: the allow-list names the host itself, so that its name is not resolved. */
  { ok: true; url: URL; listed: boolean } | { ok: false; reason: string };

/** Longest accepted address, in characters. */
const MAX_URL_LENGTH = 2048;

/**
 * Ports a public host may be called on. A webhook receiver has no need for others, and they are where mail servers,
 * databases and consoles listen: with every port open, whoever writes actions could probe a third party from here.
 */
const PORTS: readonly number[] = [443, 8443];

/** Names that only mean something inside a network (RFC 6761, 6762, 7686, 8375; `internal` is ICANN's private-use label). */
const LOCAL_SUFFIXES: readonly string[] = ['localhost', 'local', 'internal', 'home.arpa', 'onion'];

const refuse = (reason: string): UrlCheck => ({ ok: false, reason });

/**
 * Whether requests may be sent to this address, as far as its text tells: to be asked when the address is written and
 * again when it is used. Without network; names are judged by `judgeAddresses` once they are resolved.
 *
 * The rules: https on port 443 or 8443, no user name or password, no fragment, a host name with a dot that is neither
 * local nor ours, and no address literal in any spelling (a public one neither: its certificate would not fit, and
 * Workers do not fetch it). A host on the operator's allow-list is exempt from all of them but the first line's syntax.
 */
export function checkUrl(text: string, policy: OutboundPolicy): UrlCheck {
  if (text.length > MAX_URL_LENGTH) return refuse(`must be at most ${MAX_URL_LENGTH} characters`);
  // The parser drops tabs and line breaks and turns backslashes into slashes: such text does not say what it does.
  if (/[\s\\\p{Cc}]/u.test(text)) return refuse('must not contain white space, control characters or backslashes');
  const url = URL.parse(text);
  if (!url || !/^https?:\/\//i.test(text)) return refuse('must be an absolute https URL');
  if (/^https?:\/\/[^/?#]*@/i.test(text)) return refuse('must not contain a user name or password');
  if (text.includes('#')) return refuse('must not have a fragment; it would not be sent');
  const host = url.hostname.replace(/\.$/, '');
  if (host !== url.hostname) url.hostname = host;
  const port = portOf(url);
  if (isAllowed(policy.allow, host, port)) return { ok: true, url, listed: true };
  const fault = faultOfHost(host, policy);
  if (fault) return refuse(fault);
  if (url.protocol !== 'https:') return refuse('must use https');
  if (!PORTS.includes(port)) return refuse(`must use port ${PORTS.join(' or ')}`);
  return { ok: true, url, listed: false };
}

/** What is wrong with an address, in words for who wrote it; nothing when requests may be sent there. */
export function urlFault(text: string, policy: OutboundPolicy): string | undefined {
  const check = checkUrl(text, policy);
  return check.ok ? undefined : check.reason;
}

export const portOf = (url: URL) => Number(url.port || (url.protocol === 'https:' ? 443 : 80));

const isWithin = (host: string, domain: string) => host === domain || host.endsWith(`.${domain}`);

function faultOfHost(host: string, policy: OutboundPolicy): string | undefined {
  // The parser has brought every spelling (decimal, octal, hexadecimal, full-width, mapped) into the usual one.
  if (parseAddress(host)) return 'must name a host, not an IP address';
  if (LOCAL_SUFFIXES.some((suffix) => isWithin(host, suffix))) return 'must not be a local host name';
  const labels = host.split('.');
  if (labels.length < 2 || labels.includes('')) return 'must have a full host name, such as hooks.example.com';
  const own = [...policy.ownHosts, new URL(policy.dohUrl).hostname];
  if (own.some((name) => isWithin(host, name))) return 'must not be an address of this service';
  return undefined;
}

/** Whether all the addresses that a name has may be called: one that may not is enough to refuse the name. */
export const judgeAddresses = (addresses: readonly string[], port: number, policy: OutboundPolicy): boolean =>
  addresses.length > 0 &&
  addresses.every((address) => isPublicAddress(address) || isAllowed(policy.allow, address, port));
