import * as z from 'zod';
import { fromBase64, toBase64Url, utf8 } from '../../kernel/crypto.ts';

/** Where a page ended, in the order of the list, and the time that the list is about. */
export interface Cursor {
  from: Date;
  to: Date;
  at: Date;
  messageId: string;
  position: number;
}

const shape = z.tuple([z.int(), z.int(), z.int(), z.uuid(), z.int().min(0).max(32_767)]);

/** What JavaScript and PostgreSQL both take for a moment. */
const isMoment = (ms: number) => ms >= 0 && ms <= 253_402_300_799_999;

export const writeCursor = ({ from, to, at, messageId, position }: Cursor): string =>
  toBase64Url(utf8(JSON.stringify([from.getTime(), to.getTime(), at.getTime(), messageId, position])));

/** Nothing for a text that is no cursor of ours. */
export function readCursor(text: string): Cursor | undefined {
  let json: unknown;
  try {
    const bytes = fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const parsed = shape.safeParse(json);
  if (!parsed.success) return undefined;
  const [from, to, at, messageId, position] = parsed.data;
  if (![from, to, at].every(isMoment)) return undefined;
  return { from: new Date(from), to: new Date(to), at: new Date(at), messageId, position };
}
