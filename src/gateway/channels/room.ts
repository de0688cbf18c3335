const NOBODY: ReadonlySet<never> = new Set<never>();

/** Who is in which channel. Channels without anybody are not remembered. */
export class Room<T> {
  readonly #channels = new Map<string, Set<T>>();

  get size(): number {
    return this.#channels.size;
  }

  of(channel: string): ReadonlySet<T> {
    return this.#channels.get(channel) ?? NOBODY;
  }

  enter(channel: string, who: T): void {
    const present = this.#channels.get(channel) ?? new Set<T>();
    this.#channels.set(channel, present.add(who));
  }

  exit(channel: string, who: T): void {
    const present = this.#channels.get(channel);
    present?.delete(who);
    if (present?.size === 0) this.#channels.delete(channel);
  }
}
