import { utf8 } from '../../kernel/crypto.ts';

/** What an audit row says. Field order is part of the hashed text. */
export interface AuditContent {
  actor: string;
  action: string;
  target: { type: string; id: string };
  before: object | null;
  after: object | null;
  /** The caller's network address; empty for our own jobs. */
  address: string;
  request_id: string;
  /** RFC 3339 with milliseconds. */
  created_at: string;
}

export const auditText = (content: AuditContent): string => JSON.stringify(content);

/** The hash of a chain without rows. */
export const GENESIS = '0'.repeat(64);

/** What SHA-256 runs over: the hash before, the row's number and its text, apart from each other by a line feed. */
const link = (previous: string, seq: number, text: string) => `${previous}\n${seq}\n${text}`;

export async function auditHash(previous: string, seq: number, text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', utf8(link(previous, seq, text)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
