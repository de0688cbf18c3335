/**
 * The highest block whose events count as confirmed. `cursor` is the last block read: it is linked by hash to all that
 * came before, which an endpoint's bare claim of a height is not. A block has depth 1 as soon as it is read itself.
 * `finalUpTo` is the highest block read so far that was final when it was read (-1 for none).
 */
export const confirmedUpTo = (cursor: number, confirmations: number, finalUpTo: number): number =>
  Math.max(cursor - Math.max(confirmations, 1) + 1, Math.min(finalUpTo, cursor));

/** Blocks up to here are never rolled back, so that their headers and delivered logs can be forgotten. */
export const finalUpTo = (cursor: number, finality: number): number => cursor - finality;
