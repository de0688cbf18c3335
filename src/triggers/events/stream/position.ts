/** How far a reader has come: for each chain the last entry of its feed. */
export type Position = ReadonlyMap<number, number>;

/** What a position looks like as the id of a message: `8453:1207`, or `1:88,8453:1207` over several chains. */
export const POSITION = /^\d{1,15}:\d{1,15}(?:,\d{1,15}:\d{1,15}){0,31}$/;

export const formatPosition = (position: Position): string =>
  [...position].map(([chainId, seq]) => `${chainId}:${seq}`).join(',');

/** Reads a text that fits `POSITION`. */
export const parsePosition = (text: string): Map<number, number> =>
  new Map(
    text.split(',').map((part) => {
      const [chainId, seq] = part.split(':').map(Number);
      return [chainId ?? 0, seq ?? 0];
    }),
  );
