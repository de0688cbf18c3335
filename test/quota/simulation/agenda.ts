/** What is to happen, by when: a binary heap; what is due at the same time comes in the order it was put in. */
export class Agenda {
  readonly #heap: { at: number; order: number; run: () => boolean }[] = [];
  #order = 0;

  /** `run` says whether anybody may have waited for it. */
  put(at: number, run: () => boolean): void {
    const heap = this.#heap;
    const item = { at, order: this.#order++, run };
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (!parent || isBefore(parent, item)) break;
      heap[index] = parent;
      heap[above] = item;
      index = above;
    }
  }

  /** Takes out what comes next. */
  next(): { at: number; run: () => boolean } | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!child || isBefore(last, child)) return first;
      const below = 2 * index + (isRight ? 2 : 1);
      heap[index] = child;
      heap[below] = last;
      index = below;
    }
  }
}

const isBefore = (a: { at: number; order: number }, b: { at: number; order: number }) =>
  a.at < b.at || (a.at === b.at && a.order < b.order);
