import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../src/kernel/crypto.ts';
import { openPipe } from '../../../src/triggers/events/stream/pipe.ts';

/** The pipe of the runtime itself. */
describe('the pipe of a live view', () => {
  it('counts what its reader has not taken, and then the end', async () => {
    const { readable, sink } = openPipe();
    sink.write(utf8('one'));
    sink.write(utf8('four'));
    expect(sink.waiting).toBe(7);
    const reader = readable.getReader();
    await reader.read();
    await reader.read();
    await sink.drained();
    expect(sink.waiting).toBe(0);
    sink.end();
    expect(sink.waiting).toBe(1);
    expect((await reader.read()).done).toBe(true);
    await sink.drained();
    expect([sink.waiting, sink.gone]).toEqual([0, false]);
  });

  it('can be cut after its end, when its reader takes nothing', async () => {
    const { readable, sink } = openPipe();
    sink.write(utf8('never read'));
    sink.end();
    sink.cut();
    await sink.drained();
    expect(sink.gone).toBe(true);
    await expect(readable.getReader().read()).rejects.toThrow('the reader does not keep up');
  });

  it('knows when its reader has gone', async () => {
    const { readable, sink } = openPipe();
    sink.write(utf8('never read'));
    await readable.cancel();
    await sink.drained();
    expect(sink.gone).toBe(true);
  });
});
