import { describe, expect, it } from 'vitest';
import { continueTrace } from '../../../src/gateway/headers/trace.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const traced = (traceparent: string, tracestate?: string) =>
  continueTrace(new Headers({ traceparent, ...(tracestate === undefined ? {} : { tracestate }) }));

describe('a trace', () => {
  it.each<[string, string]>([
    [`00-${TRACE}-${PARENT}-01`, '01'],
    [`00-${TRACE}-${PARENT}-00`, '00'],
    [`00-${TRACE}-${PARENT}-ff`, '03'],
    [`cc-${TRACE}-${PARENT}-01`, '01'],
    [`cc-${TRACE}-${PARENT}-01-what-comes-later`, '01'],
  ])('%s goes on under an id of our own', (traceparent, flags) => {
    const trace = traced(traceparent);
    expect(trace.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-${flags}$`));
    expect(trace.traceparent).not.toContain(PARENT);
    expect(trace.traceId).toBe(TRACE);
  });

  it.each([
    '',
    'x',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-1`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
    ` 00-${TRACE.slice(1)}-${PARENT}-01`,
  ])('begins anew where %j is no parent, and forgets its state', (traceparent) => {
    const trace = traced(traceparent, 'a=b');
    expect(trace.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/);
    expect(trace.traceId).not.toBe(TRACE);
    expect(trace.tracestate).toBeNull();
  });

  it.each<[string, string | null]>([
    ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['fw529a3039@dt=FfAAAAA, a=1,', 'fw529a3039@dt=FfAAAAA,a=1'],
    ['A=1', null],
    ['a=b=c', null],
    ['a', null],
    ['', null],
    [Array.from({ length: 33 }, (_, at) => `k${at}=1`).join(','), null],
    [`a=${'x'.repeat(600)}`, null],
  ])('keeps the state %j as %j', (tracestate, kept) => {
    expect(traced(`00-${TRACE}-${PARENT}-01`, tracestate).tracestate).toBe(kept);
  });
});
