import ipaddr from 'ipaddr.js';

const IPV6_SITE_BITS = 64;

/**
 * The address that limits are counted by: what the platform says in `CF-Connecting-IP` and nothing a client can write.
 * An IPv6 caller owns a /64 as a rule, so that is what counts; a v4-mapped address counts as IPv4.
 */
export function limitAddress(headers: Headers): string {
  const text = headers.get('CF-Connecting-IP') ?? '';
  if (!ipaddr.isValid(text)) return 'unknown';
  const address = ipaddr.process(text);
  if (address.kind() === 'ipv4') return address.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${IPV6_SITE_BITS}`).toString()}/${IPV6_SITE_BITS}`;
}
