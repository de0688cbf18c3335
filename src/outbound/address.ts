import ipaddr from 'ipaddr.js';

/**
 * IPv4 blocks that are not the public internet: IANA's special-purpose registry (RFC 6890 and its updates) without the
 * entries marked globally reachable, and multicast.
 * https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8', // "this network", RFC 791
  '10.0.0.0/8', // private, RFC 1918
  '100.64.0.0/10', // carrier-grade NAT, RFC 6598
  '127.0.0.0/8', // loopback, RFC 1122
  '169.254.0.0/16', // link-local and the clouds' metadata services, RFC 3927
  '172.16.0.0/12', // private, RFC 1918
  '192.0.0.0/24', // protocol assignments, RFC 6890
  '192.0.2.0/24', // documentation, RFC 5737
  '192.88.99.0/24', // deprecated 6to4 relays, RFC 7526
  '192.168.0.0/16', // private, RFC 1918
  '198.18.0.0/15', // benchmarking, RFC 2544
  '198.51.100.0/24', // documentation, RFC 5737
  '203.0.113.0/24', // documentation, RFC 5737
  '224.0.0.0/4', // multicast, RFC 5771
  '240.0.0.0/4', // reserved, with the limited broadcast address, RFC 1112
].map((block) => ipaddr.IPv4.parseCIDR(block));

/**
 * The only IPv6 block that IANA hands out as global unicast (RFC 4291 §2.4). What is outside of it is never public:
 * ::/8 with the unspecified, loopback and v4-compatible addresses, 64:ff9b:1::/48, 100::/64, 5f00::/16, fc00::/7,
 * fe80::/10, fec0::/10, ff00::/8 and everything not assigned yet.
 */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Blocks inside 2000::/3 that are not the public internet, or that carry an IPv4 address to who knows where. */
const NOT_PUBLIC_V6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarking, ORCHID; RFC 2928
  '2001:db8::/32', // documentation, RFC 3849
  '2002::/16', // 6to4, RFC 3056
  '3fff::/20', // documentation, RFC 9637
].map((block) => ipaddr.IPv6.parseCIDR(block));

/** The well-known NAT64 prefix: the last 32 bits are the IPv4 address that is reached (RFC 6052 §2.1). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

export type Address = ReturnType<typeof ipaddr.parse>;

/**
 * Reads an address in its usual spelling (dotted decimal; RFC 4291 text, brackets allowed), or `undefined`. The
 * spellings that only `inet_aton` knows (`0x7f.1`, `2130706433`) are not read: URL parsing has undone them before.
 * An IPv4-mapped address is read as the IPv4 address that it stands for.
 */
export function parseAddress(text: string): Address | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  const hex = bare.replace(/[\d.]+$/, dottedToHex);
  if (hex.includes('%') || hex.includes('.') || !ipaddr.IPv6.isValid(hex)) return undefined;
  const address = ipaddr.IPv6.parse(hex);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** `127.0.0.1` at the end of an IPv6 address as `7f00:1`: ipaddr.js takes `::127.0.0.1` for a mapped address. */
function dottedToHex(text: string): string {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return text;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(text).octets;
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/**
 * Whether an address belongs to the public internet, so that a request may be sent there on a stranger's word.
 * Text that is not an address is not public.
 */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && isPublic(address);
}

function isPublic(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return !NOT_PUBLIC_V4.some((block) => address.match(block));
  if (address.match(NAT64)) return isPublic(new ipaddr.IPv4(address.toByteArray().slice(12)));
  return address.match(GLOBAL_UNICAST_V6) && !NOT_PUBLIC_V6.some((block) => address.match(block));
}
