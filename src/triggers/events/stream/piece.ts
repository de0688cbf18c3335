import { utf8 } from '../../../kernel/crypto.ts';
import type { EventFilter } from '../store.ts';
import { accepts, type FeedItem, itemData, itemMessage } from './message.ts';

/** What a listener is handed at a time, in bytes; a message alone may be longer. */
const MAX_PIECE_BYTES = 64 * 1024;

/** An entry as it is sent, written once for all who are told of it. */
export interface Prepared {
  item: FeedItem;
  data: string;
  dataBytes: number;
}

export function prepare(item: FeedItem): Prepared {
  const data = itemData(item);
  return { item, data, dataBytes: utf8(data).byteLength };
}

/**
 * The messages of one piece for somebody at this position, which moves on over every entry that the piece is past, and
 * whether that is all of the entries.
 */
export function nextPiece(
  position: Map<number, number>,
  filter: EventFilter,
  prepared: readonly Prepared[],
): { text: string; isAll: boolean } {
  let text = '';
  let size = 0;
  for (const { item, data, dataBytes } of prepared) {
    const last = position.get(item.chainId);
    if (last === undefined || item.seq <= last) continue;
    position.set(item.chainId, item.seq);
    if (!accepts(filter, item)) continue;
    const message = itemMessage(position, item, data);
    // All but the data is ASCII.
    size += dataBytes + message.length - data.length;
    if (text !== '' && size > MAX_PIECE_BYTES) {
      position.set(item.chainId, last);
      return { text, isAll: false };
    }
    text += message;
  }
  return { text, isAll: true };
}
