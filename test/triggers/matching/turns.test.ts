import { describe, expect, it } from 'vitest';
import { inTurns } from '../../../src/triggers/matching/outcome/turns.ts';

const waiting = (text: string) => text.split(' ').map((id) => ({ id, organizationId: id.slice(0, 1) }));

describe('turns', () => {
  it('go round the organizations for as long as each has something, in its own order.', () => {
    expect(inTurns(waiting('a1 a2 a3 a4 b1 b2 c1')).join(' ')).toBe('a1 b1 c1 a2 b2 a3 a4');
    expect(inTurns(waiting('a1 b1 a2 b2')).join(' ')).toBe('a1 b1 a2 b2');
    expect(inTurns([])).toEqual([]);
  });
});
