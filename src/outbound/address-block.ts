import ipaddr from 'ipaddr.js';
import { parseAddress } from './address.ts';

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

/** Whether the text is an address inside one of the blocks, which are in canonical form. */
export function isInside(blocks: readonly string[], text: string | undefined): boolean {
  const address = text === undefined ? undefined : parseAddress(text);
  if (!address) return false;
  return blocks.some((block) => {
    const network = ipaddr.parseCIDR(block);
    return network[0].kind() === address.kind() && address.match(network);
  });
}
