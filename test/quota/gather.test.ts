import { describe, expect, it } from 'vitest';
import { gather, newLine } from '../../src/quota/isolate/gather.ts';

const PATIENCE = 1_000;

const settled = () => new Promise((done) => setImmediate(done));

/** An object that answers when it is told to, and an isolate that asks it. The clock goes only when told to. */
function newScene(shares = true) {
  let now = 0;
  const calls: { questions: readonly string[]; answer(answers?: string[]): void; fail(): void }[] = [];
  const background: Promise<unknown>[] = [];
  const timers = new Set<{ at: number; run(): void }>();
  const line = newLine<string, string>();
  const ask = gather<string, string>({
    send(to, questions) {
      expect(to).toBe('object');
      const { promise, resolve, reject } = Promise.withResolvers<string[]>();
      const answer = (answers = questions.map((question) => `${question}!`)) => resolve(answers);
      calls.push({ questions, answer, fail: () => reject(new Error('gone')) });
      return promise;
    },
    background: (work) => void background.push(work),
    shares,
    now: () => now,
    after(milliseconds, run) {
      const timer = { at: now + milliseconds, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    inTime(answer) {
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = { at: now + PATIENCE, run: () => reject(new Error('late')) };
      timers.add(timer);
      return Promise.race([answer, late]).finally(() => timers.delete(timer));
    },
    patience: PATIENCE,
  });
  return {
    calls,
    background,
    line,
    ask: (question: string) => ask(line, 'object', question),
    questions: () => calls.map(({ questions }) => questions.join(' ')),
    /** The object answers a call after so many milliseconds. */
    async answer(index: number, after = 0) {
      now += after;
      calls[index]?.answer();
      await settled();
    },
    async pass(milliseconds: number) {
      now += milliseconds;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.run();
      }
      await settled();
    },
    timers,
  };
}

/** One whose object is known to answer within so many milliseconds. */
async function newSceneAt(milliseconds: number) {
  const scene = newScene();
  const first = scene.ask('first');
  await scene.answer(0, milliseconds);
  await first;
  scene.calls.length = 0;
  return scene;
}

describe('questions to an object nearby', () => {
  it('go together while a call is under way, and each gets its own answer', async () => {
    const { ask, questions, answer } = await newSceneAt(2);
    const answers = ['a', 'b', 'c'].map(ask);
    expect(questions()).toEqual(['a']);
    await answer(0, 2);
    expect(questions()).toEqual(['a', 'b c']);
    await answer(1, 2);
    expect(await Promise.all(answers)).toEqual(['a!', 'b!', 'c!']);
  });

  it('wait a millisecond for others when the call before was for several', async () => {
    const { ask, questions, answer, pass } = await newSceneAt(2);
    const answers = ['a', 'b', 'c', 'd'].map(ask);
    await answer(0, 2);
    expect(questions()).toEqual(['a', 'b c d']);
    answers.push(ask('e'));
    await answer(1, 2);
    answers.push(ask('f'));
    expect(questions()).toEqual(['a', 'b c d']);
    await pass(1);
    expect(questions()).toEqual(['a', 'b c d', 'e f']);
    await answer(2, 2);
    expect(await Promise.all(answers)).toEqual(['a!', 'b!', 'c!', 'd!', 'e!', 'f!']);
  });

  it('are called for anew when nobody came in that millisecond', async () => {
    const { ask, questions, answer, pass, line } = await newSceneAt(2);
    void ask('a');
    void ask('b');
    void ask('c');
    await answer(0, 2);
    await answer(1, 2);
    await pass(1);
    expect(line.callers).toEqual([]);
    void ask('d');
    expect(questions()).toEqual(['a', 'b c', 'd']);
  });

  it('do not wait longer for one that was killed in that millisecond than for an answer from nearby', async () => {
    const { ask, questions, answer, pass, timers } = await newSceneAt(2);
    void ask('a');
    void ask('b');
    void ask('c');
    await answer(0, 2);
    await answer(1, 2);
    timers.clear();
    void ask('d');
    await pass(10);
    void ask('e');
    expect(questions()).toEqual(['a', 'b c', 'd e']);
  });

  it('begin a call of their own when none is under way', async () => {
    const { ask, questions, answer } = await newSceneAt(2);
    const one = ask('a');
    await answer(0, 2);
    await one;
    void ask('b');
    expect(questions()).toEqual(['a', 'b']);
  });
});

describe('questions to an object far away', () => {
  it('are asked by four calls at once; whoever comes then goes with the next', async () => {
    const { ask, questions, answer } = await newSceneAt(80);
    const answers = ['a', 'b', 'c', 'd', 'e', 'f'].map(ask);
    expect(questions()).toEqual(['a', 'b', 'c', 'd']);
    await answer(2, 40);
    expect(questions()).toEqual(['a', 'b', 'c', 'd', 'e f']);
    for (const index of [0, 1, 3, 4]) await answer(index, 40);
    expect(await Promise.all(answers)).toEqual(['a!', 'b!', 'c!', 'd!', 'e!', 'f!']);
  });
});

describe('where requests may not settle what others wait for', () => {
  it('each calls for itself.', async () => {
    const { ask, questions, answer } = newScene(false);
    const answers = ['a', 'b', 'c', 'd', 'e', 'f'].map(ask);
    expect(questions()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    for (const index of [5, 0, 1, 2, 3, 4]) await answer(index);
    expect(await Promise.all(answers)).toEqual(['a!', 'b!', 'c!', 'd!', 'e!', 'f!']);
  });
});

describe('a call', () => {
  it('that fails fails for all who wait, and the next question calls anew', async () => {
    const { ask, calls, questions } = await newSceneAt(2);
    const answers = Promise.allSettled(['a', 'b', 'c'].map(ask));
    calls[0]?.fail();
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    void ask('d');
    expect(questions()).toEqual(['a', 'd']);
  });

  it('that leaves a question unanswered fails', async () => {
    const { ask, calls } = await newSceneAt(2);
    const first = ask('a');
    const others = Promise.allSettled(['b', 'c'].map(ask));
    calls[0]?.answer();
    await first;
    await settled();
    calls[1]?.answer(['b!']);
    expect((await others).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('is made for others for a second at most, by the same request', async () => {
    const { ask, answer, background, questions, line } = await newSceneAt(2);
    background.length = 0;
    void ask('a');
    void ask('b');
    await answer(0, 600);
    void ask('c');
    await answer(1, 600);
    // The shift is over: it calls for who waits already, and who comes now calls anew.
    void ask('d');
    expect(questions()).toEqual(['a', 'b', 'c', 'd']);
    await answer(2);
    await expect(background[0]).resolves.toBeUndefined();
    await answer(3);
    expect(line.callers).toEqual([]);
  });

  it('that takes too long is given up by each question a second after it was asked', async () => {
    const { ask, pass, questions, timers } = await newSceneAt(2);
    const first = ask('a').catch(String);
    await pass(400);
    const second = ask('b').catch(String);
    await pass(600);
    expect(await first).toBe('Error: late');
    // Whoever asks now takes those along who still wait.
    const third = ask('c').catch(String);
    expect(questions()).toEqual(['a', 'b c']);
    await pass(400);
    expect(await second).toBe('Error: late');
    await pass(600);
    expect(await third).toBe('Error: late');
    expect(timers.size).toBe(0);
  });

  it('does not ask for those who have given up', async () => {
    const { ask, pass, answer, questions } = await newSceneAt(80);
    const answers = Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(ask));
    await pass(1_000);
    expect((await answers).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    await answer(0);
    expect(questions()).toEqual(['a', 'b', 'c', 'd']);
  });
});
