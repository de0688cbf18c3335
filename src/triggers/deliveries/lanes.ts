/** Work that belongs together, such as the deliveries to one endpoint. */
export interface Lane {
  /** Whether there is a step that can be taken now. */
  ready(): boolean;
  /** Takes one; further steps of the lane may be under way. Must not reject. */
  step(): Promise<void>;
}

/** When to stop before all is done. */
export interface Leave {
  /** Resolves when that is to be considered, because no step has ended since it was called. */
  stalled(): Promise<void>;
  /** Whether what is under way can be left to itself. */
  mayLeave(): boolean;
}

const NEVER: Leave = { stalled: () => new Promise(() => {}), mayLeave: () => false };

/**
 * Works the lanes off with at most `width` steps at a time, shared evenly: while others have work, a lane is given no
 * more than its part, so that a slow one leaves room for the rest.
 * @returns the steps that were still under way when it was left; none when all is done
 */
export async function runLanes(
  lanes: readonly Lane[],
  width: number,
  { stalled, mayLeave }: Leave = NEVER,
): Promise<readonly Promise<void>[]> {
  const active = new Map(lanes.map((lane) => [lane, 0]));
  const running = new Set<Promise<void>>();

  async function run(lane: Lane): Promise<void> {
    active.set(lane, (active.get(lane) ?? 0) + 1);
    await lane.step();
    active.set(lane, (active.get(lane) ?? 1) - 1);
  }

  /** The ready lane with the fewest steps under way, unless it has its part already. */
  function next(): Lane | undefined {
    const working = [...active].filter(([lane, steps]) => steps > 0 || lane.ready());
    const part = Math.ceil(width / working.length);
    const [least] = working.filter(([lane]) => lane.ready()).sort(([, a], [, b]) => a - b);
    return least && least[1] < part ? least[0] : undefined;
  }

  for (;;) {
    for (let lane = next(); lane && running.size < width; lane = next()) {
      const step: Promise<void> = run(lane).finally(() => running.delete(step));
      running.add(step);
    }
    if (running.size === 0) return [];
    const ended = [...running].map((step) => step.then(() => false));
    const isStalled = await Promise.race([...ended, stalled().then(() => true)]);
    if (isStalled && mayLeave()) return [...running];
  }
}
