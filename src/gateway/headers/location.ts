import { keepPieces } from '../transform/query.ts';

/** Where a call went, and under which address the caller reached it. */
export interface Mount {
  /** Addresses of the pool's upstreams, as `CompiledUpstream.url` has them. */
  upstreams: readonly string[];
  /** What was asked of the upstream, in full. */
  requested: string;
  /** What stands for the upstream's base at the gateway, without a trailing slash: `https://weir.example/g/acme/orders`. */
  publicBase: string;
  /** Query parameters that the gateway added to the request: credentials, which do not go back. */
  queryNames: readonly string[];
}

/** The rest behind the base, from its slash, question mark or fragment on; nothing for an address that is not below it. */
function below(address: string, base: string): string | undefined {
  if (!address.startsWith(base)) return undefined;
  const rest = address.slice(base.length);
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined;
}

const resolved = (text: string, base: string): URL | null => (URL.canParse(text, base) ? new URL(text, base) : null);

/** The same address at the gateway, for one that is below the base of an upstream. */
function publicOf(url: URL, mount: Mount): string | undefined {
  if (mount.queryNames.length > 0 && url.search !== '') {
    url.search = keepPieces(url.search.slice(1), (name) => !mount.queryNames.includes(name));
  }
  for (const upstream of mount.upstreams) {
    const base = resolved(upstream, mount.requested)?.href.replace(/\/$/, '');
    const rest = base === undefined ? undefined : below(url.href, base);
    if (rest !== undefined) return `${mount.publicBase}${rest}`;
  }
  return undefined;
}

/**
 * A `Location` as the caller has to see it. One that leads to the upstream itself leads to the gateway instead, as
 * nginx's proxy_redirect has it; another goes on as it is. One relative to the upstream that leaves its base is made
 * absolute, since at the gateway the same path is something else, and may be another organization's.
 */
export function publicLocation(location: string, mount: Mount): string {
  const url = resolved(location, mount.requested);
  if (!url) return location;
  const ownOrigin = mount.upstreams.some((upstream) => resolved(upstream, mount.requested)?.origin === url.origin);
  return ownOrigin ? (publicOf(url, mount) ?? url.href) : location;
}

/** Quoted strings, in which a `<` is none, and targets (RFC 8288 §3). A string that does not end takes all the rest. */
const TARGETS = /"(?:[^"\\]|\\.?)*(?:"|$)|<([^<>]*)>/g;

/** An address, or a path from the root; what is relative to the request itself is right at the gateway as well. */
const ROOTED = /^(?:[a-z][a-z0-9+.-]*:|\/)/i;

/** A `Link` with the targets below the upstream's base below ours. The others are not for following, and stay as they are. */
export const publicLinks = (links: string, mount: Mount): string =>
  links.replace(TARGETS, (whole, target: string | undefined) => {
    const url = target !== undefined && ROOTED.test(target) ? resolved(target, mount.requested) : null;
    const shown = url && publicOf(url, mount);
    return shown ? `<${shown}>` : whole;
  });

/** Seconds, and where to go after them (HTML, "shared declarative refresh steps"). */
const REFRESH = /^([\d.]+[;,\s]+(?:url\s*=\s*)?)(["']?)(.+?)\2$/i;

/** A `Refresh`, which leads on as a `Location` does. */
export const publicRefresh = (refresh: string, mount: Mount): string =>
  refresh.replace(
    REFRESH,
    (_, before: string, quote: string, target: string) => before + quote + publicLocation(target, mount) + quote,
  );
