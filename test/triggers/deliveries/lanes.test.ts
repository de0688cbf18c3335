import { describe, expect, it } from 'vitest';
import { type Lane, runLanes } from '../../../src/triggers/deliveries/lanes.ts';

/** A lane of `length` steps, each of which ends when it is told to. */
function newLane(length: number) {
  const open: (() => void)[] = [];
  const lane: Lane = {
    ready: () => length > 0,
    step() {
      length -= 1;
      return new Promise((resolve) => open.push(resolve));
    },
  };
  return { lane, underWay: () => open.length, left: () => length, endOne: () => open.shift()?.() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('lanes', () => {
  it('give a lone lane the whole width', async () => {
    const alone = newLane(8);
    void runLanes([alone.lane], 5);
    await settled();
    expect(alone.underWay()).toBe(5);
  });

  it('share the width, so that a slow lane leaves room for a quick one', async () => {
    const [slow, quick] = [newLane(20), newLane(6)];
    void runLanes([slow.lane, quick.lane], 5);
    await settled();
    expect([slow.underWay(), quick.underWay()]).toEqual([3, 2]);
    while (quick.left() > 0 || quick.underWay() > 0) {
      quick.endOne();
      await settled();
      expect(slow.underWay() + quick.underWay()).toBeLessThanOrEqual(5);
    }
    expect(slow.underWay()).toBe(5);
  });

  it('never take more steps at a time than the width, and end when all are done', async () => {
    const lanes = Array.from({ length: 9 }, () => newLane(3));
    let most = 0;
    let done = false;
    void runLanes(
      lanes.map(({ lane }) => lane),
      5,
    ).then(() => {
      done = true;
    });
    while (!done) {
      await settled();
      most = Math.max(
        most,
        lanes.reduce((sum, lane) => sum + lane.underWay(), 0),
      );
      for (const lane of lanes) lane.endOne();
    }
    expect(most).toBe(5);
    expect(lanes.map((lane) => lane.left())).toEqual(lanes.map(() => 0));
  });

  it('take up a lane again whose step has made another one ready', async () => {
    let rounds = 0;
    const step = async () => {
      rounds += 1;
    };
    await runLanes([{ ready: () => rounds < 4, step }], 1);
    expect(rounds).toBe(4);
  });

  it('end at once when there is nothing to do', async () => {
    await runLanes([], 5);
    await runLanes([newLane(0).lane], 5);
  });
});
