/**
 * The search for the highest block that a stored branch and a node have in common. Blocks are chained by hash, so two
 * branches that agree at a height agree below it: the search goes down in doubling steps, as most reorganizations are
 * one block deep, and then halves what is left. A search over 200 blocks asks for at most 15 of them.
 */
export interface AncestorSearch {
  /** Highest height known to agree; one below the oldest stored block while none is. */
  readonly agrees: number;
  /** Lowest height known to differ. */
  readonly differs: number;
  readonly step: number;
  /** Whether `agrees` was seen, or is still only the edge of what is stored. */
  readonly seen: boolean;
}

/** `oldest` is the lowest stored height, `differs` one at which the two are known to differ. */
export const beginSearch = (oldest: number, differs: number): AncestorSearch => ({
  agrees: oldest - 1,
  differs,
  step: 1,
  seen: false,
});

/** The height to compare next; `undefined` when the search is over and `agrees` is its result. */
export function nextProbe({ agrees, differs, step, seen }: AncestorSearch): number | undefined {
  if (differs - agrees <= 1) return undefined;
  return seen ? Math.floor((agrees + differs) / 2) : Math.max(agrees + 1, differs - step);
}

/** What is known after comparing at `height`. */
export const learned = (search: AncestorSearch, height: number, same: boolean): AncestorSearch =>
  same ? { ...search, agrees: height, seen: true } : { ...search, differs: height, step: search.step * 2 };
