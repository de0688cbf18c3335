import { SECOND } from '../../kernel/clock.ts';
import { LIMITS } from './messages.ts';

/** `late`: not dealt with; `flood`: so many in spite of that that the socket is to be closed. */
export type Pace = (now: number) => 'ok' | 'late' | 'flood';

/** By how many messages more may have been in vain than were dealt with before a socket is closed. */
const PATIENCE = 100;

/** A bucket of `burst` tokens that fills by `messagesPerSecond`. */
export function createPace(start: number): Pace {
  let tokens: number = LIMITS.burst;
  let at = start;
  let vain = 0;
  return (now) => {
    tokens = Math.min(LIMITS.burst, tokens + (Math.max(0, now - at) / SECOND) * LIMITS.messagesPerSecond);
    at = now;
    if (tokens >= 1) {
      tokens -= 1;
      vain = Math.max(0, vain - 1);
      return 'ok';
    }
    vain += 1;
    return vain > PATIENCE ? 'flood' : 'late';
  };
}
