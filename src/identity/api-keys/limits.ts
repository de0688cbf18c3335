import ipaddr from 'ipaddr.js';
import { parseAddress } from '../../outbound/address.ts';

/**
 * A block of addresses in canonical form (`10.1.2.3/8` becomes `10.0.0.0/8`, a single address a block of one, a
 * v4-mapped block an IPv4 one); nothing when it cannot be read.
 */
export function canonicalBlock(text: string): string | undefined {
  const [, host = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = host.startsWith('[') ? undefined : parseAddress(host);
  if (!address) return undefined;
  const isV4 = address.kind() === 'ipv4';
  const mapped = isV4 && host.includes(':') ? 96 : 0;
  const prefix = bits === undefined ? (isV4 ? 32 : 128) : Number(bits) - mapped;
  if (prefix < 0 || prefix > (isV4 ? 32 : 128)) return undefined;
  const cidr = `${address}/${prefix}`;
  const network = isV4 ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  return `${network}/${prefix}`;
}

/**
 * A pattern of paths: whole segments, where `*` is any one segment and `**` at the end any number of them.
 * Without queries, fragments, empty or dot segments, which no path has once it was parsed.
 */
export function isPathPattern(text: string): boolean {
  const segments = text.split('/');
  if (segments.shift() !== '' || segments.length === 0) return false;
  return segments.every((segment, index) => {
    if (segment === '*') return true;
    if (segment === '**') return index === segments.length - 1;
    return /^[A-Za-z0-9._~!$&'()+,;=:@%-]+$/.test(segment) && segment !== '.' && segment !== '..';
  });
}
