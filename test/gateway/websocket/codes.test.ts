import { describe, expect, it } from 'vitest';
import { carriedOver, isSendable } from '../../../src/gateway/websocket/codes.ts';
import { isLarger } from '../../../src/gateway/websocket/message-size.ts';
import { createSlots } from '../../../src/gateway/websocket/slots.ts';

describe('close codes', () => {
  it('may be sent when RFC 6455 and the registry say so', () => {
    const sendable = [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
    expect(sendable.filter((code) => !isSendable(code))).toEqual([]);
    expect([0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000].filter(isSendable)).toEqual([]);
  });

  it('are carried over as they came', () => {
    expect(carriedOver('caller', 4001, 'mine')).toEqual({ code: 4001, reason: 'mine' });
    expect(carriedOver('upstream', 1012, 'restart')).toEqual({ code: 1012, reason: 'restart' });
  });

  it('that only say what was not there are never sent', () => {
    expect(carriedOver('caller', 1005, '')).toEqual({ code: undefined, reason: '' });
    expect(carriedOver('caller', 1006, 'lost')).toEqual({ code: 1001, reason: 'The caller went away' });
    expect(carriedOver('upstream', 1006, 'lost')).toEqual({ code: 1011, reason: 'The upstream went away' });
    expect(carriedOver('upstream', 1015, '')).toEqual({ code: 1011, reason: 'The upstream went away' });
  });
});

describe('the size of a message', () => {
  it('is that of its bytes on the wire', () => {
    expect(isLarger('a'.repeat(10), 10)).toBe(false);
    expect(isLarger('a'.repeat(11), 10)).toBe(true);
    expect(isLarger('€€€', 9)).toBe(false);
    expect(isLarger('€€€', 8)).toBe(true);
    expect(isLarger('🙂🙂', 8)).toBe(false);
    expect(isLarger('🙂🙂', 7)).toBe(true);
    expect(isLarger(new ArrayBuffer(8), 8)).toBe(false);
    expect(isLarger(new ArrayBuffer(9), 8)).toBe(true);
  });
});

describe('the slots of an API', () => {
  it('are as many as it may have, and free again when they are given back, once', () => {
    const slots = createSlots(() => new Date(0));
    const first = slots.take('a', 2);
    slots.take('a', 2);
    expect(slots.take('a', 2)).toBeUndefined();
    expect(slots.take('b', 2)).toBeDefined();
    first?.free();
    first?.free();
    expect(slots.open('a')).toBe(1);
    expect(slots.take('a', 2)).toBeDefined();
    expect(slots.take('a', 2)).toBeUndefined();
  });

  it('are taken from sockets that nothing was heard of for two minutes', () => {
    let now = 0;
    const slots = createSlots(() => new Date(now));
    const alive = slots.take('a', 2);
    const gone = slots.take('a', 2);
    now = 90_000;
    alive?.touch();
    now = 121_000;
    expect(slots.take('a', 2)).toBeDefined();
    gone?.touch();
    gone?.free();
    expect(slots.open('a')).toBe(2);
  });
});
