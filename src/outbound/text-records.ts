import { SECOND } from '../kernel/clock.ts';
import { createDns, type DnsDeps } from './dns.ts';

/** The texts that a name has in DNS; nothing when the resolver did not say. Never throws. */
export type LookUpText = (name: string, signal: AbortSignal) => Promise<readonly string[] | undefined>;

const TIMEOUT_MS = 5 * SECOND;
const TXT = 16;

export function createTextLookUp(deps: DnsDeps): LookUpText {
  const ask = createDns(deps);
  return async (name, signal) => {
    try {
      const records = await ask(name, TXT, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
      return records?.filter(({ type }) => type === TXT).map(({ data }) => textOf(data));
    } catch {
      return undefined;
    }
  };
}

const STRING = /"((?:[^"\\]|\\.)*)"/g;

/**
 * One text out of a record's strings, each at most 255 octets (RFC 1035 §3.3.14). Services write them in quotes, as a
 * zone file does (§5.1), or, where there is only one, without.
 */
function textOf(data: string): string {
  if (!data.startsWith('"')) return data;
  return [...data.matchAll(STRING)].map(([, part = '']) => part.replace(/\\(.)/g, '$1')).join('');
}
