/** When the memory of a group waits for time to pass, in seconds since 1970. */
export interface Due {
  readonly dueAt: number;
  readonly conditionId: number;
  readonly groupKey: string;
}

/**
 * A binary heap (Williams, "Algorithm 232: Heapsort", 1964) of what is due, the earliest first. Nothing is taken out of its
 * middle: whoever pops asks whether it is still so. What is equal comes out together.
 */
export class DueHeap {
  readonly #items: Due[] = [];

  constructor(items: Iterable<Due>) {
    for (const item of items) this.push(item);
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Due | undefined {
    return this.#items[0];
  }

  push(item: Due): void {
    let place = this.#items.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (!parent || inOrder(parent, item) <= 0) break;
      this.#items[place] = parent;
      place = above;
    }
    this.#items[place] = item;
  }

  pop(): Due | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last && this.#items.length > 0) this.#sink(last);
    return first;
  }

  #sink(item: Due): void {
    let place = 0;
    for (;;) {
      const left = this.#items[2 * place + 1];
      const right = this.#items[2 * place + 2];
      const isRight = left !== undefined && right !== undefined && inOrder(right, left) < 0;
      const child = isRight ? right : left;
      if (!child || inOrder(item, child) <= 0) break;
      this.#items[place] = child;
      place = 2 * place + (isRight ? 2 : 1);
    }
    this.#items[place] = item;
  }
}

/** By time, and then so that it is the same each time: as the rows are read. */
function inOrder(a: Due, b: Due): number {
  if (a.dueAt !== b.dueAt) return a.dueAt - b.dueAt;
  if (a.conditionId !== b.conditionId) return a.conditionId - b.conditionId;
  return a.groupKey < b.groupKey ? -1 : Number(a.groupKey > b.groupKey);
}
