import ipaddr from 'ipaddr.js';

const IPV6_SITE_BITS = 64;

/**
 * The caller's address: what the platform says in `CF-Connecting-IP` and nothing a client can write. A v4-mapped
 * address is IPv4.
 */
export function clientAddress(headers: Headers): string | undefined {
  const text = headers.get('CF-Connecting-IP') ?? '';
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

/**
 * The address that limits are counted by. An IPv6 caller owns a /64 as a rule, so that is what counts.
 */
export function limitAddress(headers: Headers): string {
  const address = clientAddress(headers);
  if (address === undefined) return 'unknown';
  if (!ipaddr.IPv6.isValid(address)) return address;
  const site = ipaddr.IPv6.networkAddressFromCIDR(`${address}/${IPV6_SITE_BITS}`);
  return `${site.toString()}/${IPV6_SITE_BITS}`;
}
