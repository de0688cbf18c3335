/** The time that nobody in the model can read, in milliseconds. */
export interface Time {
  now: number;
}

/** A node's clock: off by an offset, too fast or too slow, and set back at times. */
export class NodeClock {
  readonly #time: Time;
  readonly rate: number;
  #offset: number;

  constructor(time: Time, rate: number, offset: number) {
    this.#time = time;
    this.rate = rate;
    this.#offset = offset - time.now * (rate - 1);
  }

  now(): number {
    return Math.floor(this.#time.now * this.rate + this.#offset);
  }

  setBack(milliseconds: number): void {
    this.#offset -= milliseconds;
  }

  /** The time that nobody can read, when this clock shows that one. */
  realTime(at: number): number {
    return this.#time.now + (at - this.now()) / this.rate;
  }

  /** How long it really takes until this clock shows that time. */
  realUntil(at: number): number {
    return Math.max(0, this.realTime(at) - this.#time.now);
  }
}
