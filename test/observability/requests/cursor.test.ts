import { expect, it } from 'vitest';
import { type Cursor, readCursor, writeCursor } from '../../../src/observability/requests/cursor.ts';
import { dayAt, dayOf } from '../../../src/observability/requests/days.ts';

const CURSOR: Cursor = {
  from: new Date('2026-04-12T00:00:00.001Z'),
  to: new Date('2026-04-13T00:00:00Z'),
  at: new Date('2026-04-12T23:59:59.999Z'),
  messageId: '01920000-0000-7000-8000-000000000001',
  position: 99,
};

const encoded = (json: unknown) => btoa(JSON.stringify(json)).replaceAll('=', '');

it('reads a cursor as it was written', () => {
  const text = writeCursor(CURSOR);
  expect(text).toMatch(/^[\w-]+$/);
  expect(readCursor(text)).toEqual(CURSOR);
});

it.each([
  '',
  '%',
  'AAAA',
  encoded('x'),
  encoded([1, 2, 3, 'no id', 4]),
  encoded([1, 2, 3, CURSOR.messageId, -1]),
  encoded([-1, 2, 3, CURSOR.messageId, 0]),
  encoded([1, 2, 9e15, CURSOR.messageId, 0]),
])('takes %j for no cursor', (text) => {
  expect(readCursor(text)).toBeUndefined();
});

it('names the partition of a day by its date in UTC', () => {
  const day = dayAt(Date.parse('2026-12-31T23:59:59.999Z'));
  expect(day).toEqual({
    partition: 'request_logs_20261231',
    from: new Date('2026-12-31T00:00:00Z'),
    to: new Date('2027-01-01T00:00:00Z'),
  });
  expect(dayOf(day.partition)).toEqual(day);
  expect(dayOf('request_logs_default')).toBeUndefined();
});
