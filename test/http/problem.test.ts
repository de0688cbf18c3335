import { expect, it } from 'vitest';
import { errorResponse } from '../../src/http/problem.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { createLogger } from '../../src/telemetry/log.ts';

const cause = new Error('ECONNREFUSED');

it.each([
  [new Error('of the database'), 500, 'error'],
  [new AppError('service_unavailable', 'A service is unavailable', { cause }), 503, 'error'],
  [new AppError('service_unavailable', 'No upstream takes calls'), 503, 'info'],
  [new AppError('bad_gateway', 'The upstream cannot be reached', { cause }), 502, 'info'],
  [new AppError('gateway_timeout', 'The upstream did not answer in time'), 504, 'info'],
  [new AppError('not_found', 'Nothing'), 404, undefined],
])('%s is answered with %i and logged as %s', (error, status, level) => {
  const lines: Record<string, unknown>[] = [];
  const take = (line: string) => void lines.push(JSON.parse(line));
  const log = createLogger({ info: take, warn: take, error: take });
  const { status: answered } = errorResponse(error, { log, requestId: 'r-1', accept: null });
  expect(answered).toBe(status);
  expect(lines.map((line) => [line['event'], line['level'], line['request_id']])).toEqual(
    level === undefined ? [] : [['request.failed', level, 'r-1']],
  );
});
