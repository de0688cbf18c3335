import ipaddr from 'ipaddr.js';
import type { FieldReader } from './header-fields.ts';

const IPV6_SITE_BITS = 64;

/** IPv4 as it is written everywhere: nothing is left to parse, or to write otherwise. */
const PLAIN_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The caller's address: what the platform says in `CF-Connecting-IP` and nothing a client can write. A v4-mapped
 * address is IPv4.
 */
export function clientAddress(headers: FieldReader): string | undefined {
  const text = headers.get('CF-Connecting-IP') ?? '';
  if (PLAIN_IPV4.test(text)) return text;
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

/** Whose an address is taken to be: an IPv6 caller owns a /64 as a rule, an IPv4 caller the address alone. */
export function networkOf(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address;
  const site = ipaddr.IPv6.networkAddressFromCIDR(`${address}/${IPV6_SITE_BITS}`);
  return `${site.toString()}/${IPV6_SITE_BITS}`;
}

/** What limits are counted by. */
export const limitAddress = (headers: FieldReader): string => networkOf(clientAddress(headers) ?? 'unknown');
