import { SECOND } from '../../../kernel/clock.ts';
import { readStart } from '../../../outbound/body.ts';
import type { GuardedFetch } from '../../../outbound/guarded-fetch.ts';
import type { LookUpText } from '../../../outbound/text-records.ts';

/** What an organization shows to prove that a host is its own. */
export interface Claim {
  /** In ASCII, lower case. */
  host: string;
  /** Random: nobody else was told to show it. */
  token: string;
}

/** `unknown`: the resolver did not say, so that nothing may be concluded. */
export type Finding = 'shown' | 'missing' | 'unknown';

/**
 * Looks whether a host shows what it has to, in DNS or in a file. Which of them it lacks, and why, is not told: whoever
 * may ask would otherwise learn what else listens there.
 */
export type Prove = (claim: Claim) => Promise<Finding>;

const PATIENCE = 5 * SECOND;

/** Room for the lines of many organizations. */
const MAX_FILE_BYTES = 4 * 1024;

export const proofText = ({ token }: Claim) => `weir-verification=${token}`;

/** Name of the TXT record. */
export const recordName = ({ host }: Claim) => `_weir.${host}`;

/** It does not contain the token: a server that repeats what it was asked for would prove itself anybody's. */
export const fileUrl = ({ host }: Claim) => `https://${host}/.well-known/weir-verification`;

interface ProverDeps {
  guardedFetch: GuardedFetch;
  lookUpText: LookUpText;
}

export function createProver({ guardedFetch, lookUpText }: ProverDeps): Prove {
  /** A redirect is none, as somebody else may write what is at its end. */
  async function linesOf(url: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      const response = await guardedFetch(url, { headers: { accept: 'text/plain' }, signal });
      const { text } = await readStart(response, MAX_FILE_BYTES);
      return response.status === 200 ? text.split('\n').map((line) => line.trim()) : [];
    } catch {
      return [];
    }
  }

  return async (claim) => {
    const signal = AbortSignal.timeout(PATIENCE);
    const [records, lines] = await Promise.all([
      lookUpText(recordName(claim), signal),
      linesOf(fileUrl(claim), signal),
    ]);
    const text = proofText(claim);
    if (records?.includes(text) || lines.includes(text)) return 'shown';
    return records ? 'missing' : 'unknown';
  };
}
