import { type MediaRange, rangesOf } from '../../http/accept.ts';
import { AppError } from '../../kernel/errors.ts';
import type { MockAnswer } from '../compiled.ts';
import type { Preferences } from './prefer.ts';

/**
 * The mock answer that a request is given: of the preferred status and name, in a type that it accepts. Without a
 * preference it is the first success, or else the first of all.
 * @throws AppError `not_implemented` where there are none; `bad_request` for a preference that none meets; `not_acceptable`
 */
export function chooseMock(
  mocks: readonly MockAnswer[],
  { code, example }: Preferences,
  accept: string | null,
): MockAnswer {
  const [first] = mocks;
  if (!first) {
    throw new AppError('not_implemented', 'This endpoint has no mock answers: give it examples or a schema in `mock`');
  }
  const named = example === null ? mocks : mocks.filter(({ name }) => name === example);
  if (named.length === 0) throw noneOf(`the name ${JSON.stringify(example)}`, namesOf(mocks));
  const status = code ?? (named.find(isSuccess) ?? named[0] ?? first).status;
  const fitting = named.filter((mock) => mock.status === status);
  if (fitting.length === 0) throw noneOf(`status ${status}`, [...new Set(named.map((mock) => String(mock.status)))]);
  const best = bestOf(fitting, accept);
  if (best) return best;
  const types = [...new Set(fitting.map(({ contentType }) => contentType))].join(', ');
  throw new AppError('not_acceptable', `The mock answer is ${types}, which the request does not accept`);
}

const isSuccess = ({ status }: MockAnswer) => status >= 200 && status < 300;

const namesOf = (mocks: readonly MockAnswer[]) => mocks.flatMap(({ name }) => name ?? []);

function noneOf(what: string, known: readonly string[]): AppError {
  const others = known.length === 0 ? 'there is none with a name' : `there are ${known.join(', ')}`;
  return new AppError('bad_request', `There is no mock answer of ${what}; ${others}`);
}

/** How much a type is wanted: by the most specific range that it is in. */
function weightOf(contentType: string, ranges: readonly MediaRange[]): number {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  // A vendor's JSON is asked for to name a version, and is answered with JSON.
  const suffix = /\/(?:.*\+)?json$/;
  const specificity = (range: string) => {
    if (range === type || (suffix.test(range) && suffix.test(type))) return 3;
    if (range === `${type.split('/')[0]}/*`) return 2;
    return range === '*/*' ? 1 : 0;
  };
  const inside = ranges.filter((range) => specificity(range.type) > 0);
  return inside.sort((a, b) => specificity(b.type) - specificity(a.type))[0]?.weight ?? 0;
}

function bestOf(mocks: readonly MockAnswer[], accept: string | null): MockAnswer | undefined {
  if (accept === null || accept.trim() === '') return mocks[0];
  const ranges = rangesOf(accept);
  let best: MockAnswer | undefined;
  let bestWeight = 0;
  for (const mock of mocks) {
    const weight = hasBody(mock) ? weightOf(mock.contentType, ranges) : 1;
    if (weight > bestWeight) [best, bestWeight] = [mock, weight];
  }
  return best;
}

export const hasBody = ({ example, schema }: MockAnswer): boolean => example !== undefined || schema !== undefined;
