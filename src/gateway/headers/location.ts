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

/**
 * A `Location` as the caller has to see it. One that leads to the upstream itself leads to the gateway instead, as
 * nginx's proxy_redirect has it; another goes on as it is. One relative to the upstream that leaves its base is made
 * absolute, since at the gateway the same path is something else.
 */
export function publicLocation(location: string, mount: Mount): string {
  const url = resolved(location, mount.requested);
  if (!url) return location;
  const ownOrigin = mount.upstreams.some((upstream) => resolved(upstream, mount.requested)?.origin === url.origin);
  if (!ownOrigin) return location;
  if (mount.queryNames.length > 0 && url.search !== '') {
    url.search = keepPieces(url.search.slice(1), (name) => !mount.queryNames.includes(name));
  }
  for (const upstream of mount.upstreams) {
    const base = resolved(upstream, mount.requested)?.href.replace(/\/$/, '');
    const rest = base === undefined ? undefined : below(url.href, base);
    if (rest !== undefined) return `${mount.publicBase}${rest}`;
  }
  return url.href;
}
