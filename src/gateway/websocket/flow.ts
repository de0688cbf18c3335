/** Bytes that may go one way over a socket: that many a second, and so many at once. */
export const PER_SECOND = 4 << 20;
const AT_ONCE = 8 << 20;

/** What goes one way. */
export interface Flow {
  /** @returns whether so many bytes more may go */
  take(bytes: number, now: number): boolean;
}

/** A token bucket, full at first. */
export function createFlow(startedAt: number): Flow {
  let left = AT_ONCE;
  let filledAt = startedAt;
  return {
    take(bytes, now) {
      left = Math.min(AT_ONCE, left + (Math.max(0, now - filledAt) / 1_000) * PER_SECOND);
      filledAt = now;
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
  };
}
