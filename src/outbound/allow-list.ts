import ipaddr from 'ipaddr.js';
import { parseAddress } from './address.ts';

type Entry = { port: number | undefined } & (
  | { kind: 'host'; host: string }
  | { kind: 'network'; network: ReturnType<typeof ipaddr.parseCIDR> }
);

/** Destinations that the operator vouches for: they need neither https nor a public address. */
export type AllowList = readonly Entry[];

const ENTRY = /^(?<host>\[[^\]]+\]|[^\s:/[\]]+|[0-9a-f:]+)(?<prefix>\/\d{1,3})?(?::(?<port>\d{1,5}))?$/i;

/**
 * Reads `OUTBOUND_ALLOW`: comma-separated host names, addresses or CIDR blocks, each with an optional `:port` (without
 * it, any port). An IPv6 address with a port stands in brackets: `localhost:3000, 127.0.0.0/8, [::1]:8080, fd00::/8`.
 * @throws Error naming the entry that cannot be read
 */
export function parseAllowList(text: string): AllowList {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseEntry);
}

function parseEntry(text: string): Entry {
  const { host = '', prefix, port: portText } = ENTRY.exec(text)?.groups ?? {};
  const port = portText === undefined ? undefined : Number(portText);
  const address = parseAddress(host);
  const readable = host !== '' && (prefix === undefined || address !== undefined) && (port ?? 1) <= 65_535;
  if (!readable) throw new Error(`the outbound allow-list has an entry that is no host, address or block: ${text}`);
  if (!address) return { kind: 'host', host: host.toLowerCase(), port };
  const whole = address.kind() === 'ipv4' ? 32 : 128;
  return { kind: 'network', network: ipaddr.parseCIDR(`${address}${prefix ?? `/${whole}`}`), port };
}

/** Whether the list names this destination, given as a host name or an address and a port. */
export function isAllowed(list: AllowList, host: string, port: number): boolean {
  const address = parseAddress(host);
  return list.some((entry) => {
    if (entry.port !== undefined && entry.port !== port) return false;
    if (entry.kind === 'host') return entry.host === host;
    return address !== undefined && address.kind() === entry.network[0].kind() && address.match(entry.network);
  });
}
