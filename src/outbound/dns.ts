import * as z from 'zod';
import { readStart } from './body.ts';

interface DnsRecord {
  type: number;
  /** In seconds. */
  TTL: number;
  data: string;
}

/**
 * Asks for the records that a name has of a type; an alias is followed by the service, whose answer lists what is at its
 * end too. None where the name does not exist; nothing when the service did not say.
 * @throws Error when it could not be asked
 */
export type AskDns = (name: string, type: number, signal: AbortSignal) => Promise<readonly DnsRecord[] | undefined>;

export interface DnsDeps {
  fetch: typeof fetch;
  /** A DNS-over-HTTPS service that answers `application/dns-json`. */
  dohUrl: string;
}

const MAX_ANSWER_BYTES = 16 * 1024;

const NO_ERROR = 0;
const NAME_ERROR = 3;

/** The answer's JSON form. https://developers.cloudflare.com/1.1.1.1/encryption/dns-over-https/make-api-requests/dns-json/ */
const dnsAnswer = z.object({
  Status: z.number(),
  TC: z.boolean().optional(),
  Answer: z.array(z.object({ type: z.number(), TTL: z.number().min(0), data: z.string() })).optional(),
});

export function createDns({ fetch, dohUrl }: DnsDeps): AskDns {
  return async (name, type, signal) => {
    const url = new URL(dohUrl);
    url.searchParams.set('name', name);
    url.searchParams.set('type', String(type));
    const response = await fetch(url, { headers: { accept: 'application/dns-json' }, redirect: 'manual', signal });
    const body = await readStart(response, MAX_ANSWER_BYTES);
    if (!response.ok || !body.complete) return undefined;
    const { Status, TC, Answer = [] } = dnsAnswer.parse(JSON.parse(body.text));
    return TC || (Status !== NO_ERROR && Status !== NAME_ERROR) ? undefined : Answer;
  };
}
