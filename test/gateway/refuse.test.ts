import { describe, expect, it } from 'vitest';
import { deadEnd } from '../../src/gateway/refuse.ts';
import type { Routing } from '../../src/gateway/routing/router.ts';
import type { VersionFault } from '../../src/gateway/routing/versions.ts';
import { apiOf } from './watch/fixture.ts';

const api = apiOf([]);

type Dead = Parameters<typeof deadEnd>[0];

const told = (routing: Dead) => {
  const { error, fields } = deadEnd(routing);
  return [error?.status, error?.code, error?.message, fields];
};

const lifecycle = { deprecation: undefined, sunset: undefined, link: undefined };

const gone = (version: { name: string } | null) =>
  // Of the version no more than its name is looked at.
  ({ kind: 'gone', api, version, lifecycle, base: '/g/acme/orders' }) as unknown as Extract<Routing, { kind: 'gone' }>;

const unknownVersion = (fault: Omit<VersionFault, 'kind'>, versions: string[] = []): Dead => ({
  ...{ kind: 'unknown_version', api, versions },
  fault: { kind: 'fault', ...fault },
});

describe('a request that reaches nothing', () => {
  it('is told of an API or endpoint that is not there as of what does not exist anywhere.', () => {
    expect(told({ kind: 'unknown_api' })).toEqual([404, 'not_found', 'Service not found', []]);
    const unknown = { kind: 'unknown_endpoint', api, version: null } as const;
    expect(told(unknown)).toEqual([404, 'not_found', 'Endpoint not found', []]);
  });

  it('is told which methods there are.', () => {
    const reached = { api, version: null, allow: 'GET, HEAD' };
    const fields = [['Allow', 'GET, HEAD']];
    const text = 'This endpoint takes GET, HEAD';
    expect(told({ kind: 'method_not_allowed', ...reached })).toEqual([405, 'method_not_allowed', text, fields]);
    expect(deadEnd({ kind: 'options', ...reached })).toEqual({ error: undefined, fields });
  });

  it('is told what has been retired.', () => {
    expect(told(gone(null))).toEqual([410, 'gone', 'Orders has been retired', []]);
    expect(told(gone({ name: 'v1' }))).toEqual([410, 'gone', 'Version v1 of Orders has been retired', []]);
  });

  it.each([
    [404, 'not_found', 'unknown', 'v9', 'There is no version "v9"; there are v1, v2'],
    [406, 'not_acceptable', 'unknown', 'v9', 'There is no version "v9"; there are v1, v2'],
    [400, 'bad_request', 'missing', null, 'The request must name a version; there are v1, v2'],
    [
      ...[400, 'bad_request', 'contradictory', 'v1'],
      'The request asks for version "v1" and for another one; there are v1, v2',
    ],
  ] as const)('is answered with %i %s for a version that is %s: %s.', (status, code, reason, asked, message) => {
    expect(told(unknownVersion({ status, reason, asked }, ['v1', 'v2']))).toEqual([status, code, message, []]);
  });

  it('is told when there is no version at all.', () => {
    const [, , message] = told(unknownVersion({ status: 404, reason: 'missing', asked: null }));
    expect(message).toBe('The request must name a version; there is none');
  });
});
