import { AppError, notFound } from '../kernel/errors.ts';
import type { Routing } from './routing/router.ts';

/** A routing that leads to no call: the error it is answered with, and the fields that go with it. */
export interface Dead {
  error: AppError | undefined;
  /** Of an answer without an error: 204. */
  fields: [name: string, value: string][];
}

/** Why a request reaches nothing. An API or endpoint that is not there is told as what does not exist anywhere. */
export function deadEnd(routing: Exclude<Routing, { kind: 'routed' }>): Dead {
  switch (routing.kind) {
    case 'unknown_api':
      return { error: notFound('Service'), fields: [] };
    case 'unknown_endpoint':
      return { error: notFound('Endpoint'), fields: [] };
    case 'method_not_allowed':
      return {
        error: new AppError('method_not_allowed', `This endpoint takes ${routing.allow}`),
        fields: [['Allow', routing.allow]],
      };
    case 'options':
      return { error: undefined, fields: [['Allow', routing.allow]] };
    case 'gone':
      return { error: new AppError('gone', goneText(routing)), fields: [] };
    case 'unknown_version':
      return { error: versionError(routing), fields: [] };
  }
}

function goneText({ api, version }: Extract<Routing, { kind: 'gone' }>): string {
  return version ? `Version ${version.name} of ${api.name} has been retired` : `${api.name} has been retired`;
}

/** In the path a version is a resource (404), in `Accept` a representation (406), elsewhere a field of the request (400). */
const CODES = { 400: 'bad_request', 404: 'not_found', 406: 'not_acceptable' } as const;

function versionError({ fault, versions }: Extract<Routing, { kind: 'unknown_version' }>): AppError {
  const known = versions.length === 0 ? 'there is none' : `there are ${versions.join(', ')}`;
  const asked = fault.asked === null ? '' : ` "${fault.asked}"`;
  const what = {
    unknown: `There is no version${asked}`,
    contradictory: `The request asks for version${asked} and for another one`,
    missing: 'The request must name a version',
  }[fault.reason];
  return new AppError(CODES[fault.status], `${what}; ${known}`);
}
