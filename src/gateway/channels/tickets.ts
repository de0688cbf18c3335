import { randomBytes, sha256Hex, toBase64Url } from '../../kernel/crypto.ts';
import type { Holder } from './holder.ts';

/** How long a ticket can be used. */
export const TICKET_SECONDS = 30;

export interface Ticket {
  organizationId: string;
  holder: Holder;
}

/** Where tickets are kept until they are used, by the hash of their text. */
export interface TicketStore {
  put(hash: string, ticket: Ticket, seconds: number): Promise<void>;
  /** Once. */
  take(hash: string): Promise<Ticket | undefined>;
}

/** 256 random bits, in characters that may stand in a sub-protocol's name. */
export async function issueTicket(store: TicketStore, ticket: Ticket): Promise<string> {
  const text = toBase64Url(randomBytes(32));
  await store.put(sha256Hex(text), ticket, TICKET_SECONDS);
  return text;
}

export const useTicket = (store: TicketStore, text: string) =>
  /^[\w-]{43}$/.test(text) ? store.take(sha256Hex(text)) : Promise.resolve(undefined);
