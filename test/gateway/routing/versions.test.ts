import { describe, expect, it } from 'vitest';
import type { Versioning, VersionPlace } from '../../../src/gateway/compiled.ts';
import { ACTIVE, type Call, endedAt, endpoint, NOW, routeOf, sampleApi } from './samples.ts';

const versions = [
  { name: 'v1', lifecycle: ACTIVE, policy: {} },
  { name: 'v2', lifecycle: ACTIVE, policy: {} },
  { name: 'beta', lifecycle: ACTIVE, policy: {} },
  { name: 'v0', lifecycle: { ...ACTIVE, sunsetAt: NOW }, policy: {} },
];

/** The version and what is forwarded, or the status, the reason and what was asked for. */
function answerOf(versioning: Versioning, call: string, headers: Call['headers'] = {}): string {
  const routing = routeOf(sampleApi({ versioning, versions }))(call, { headers });
  if (routing.kind === 'routed') return `${routing.version?.name} ${routing.forward}`;
  if (routing.kind === 'gone') return `gone ${routing.version?.name}`;
  if (routing.kind !== 'unknown_version') return routing.kind;
  expect(routing.versions).toEqual(['v1', 'v2', 'beta']);
  return `${routing.fault.status} ${routing.fault.reason} ${routing.fault.asked}`;
}

const ALL: VersionPlace[] = ['path', 'header', 'accept'];
const everywhere = { by: ALL, default: 'v1' };
const strict = { by: ALL, default: null };

describe('a version named by path', () => {
  it.each([
    ['GET /v2/orders', 'v2 /orders'],
    ['GET /beta/orders/', 'beta /orders/'],
    ['GET /v2', 'v2 '],
    ['GET /v2/', 'v2 /'],
    ['GET /%76%32/orders', 'v2 /orders'],
    ['GET /v2/v1', 'v2 /v1'],
    ['GET /v0/orders', 'gone v0'],
    ['GET /v9/orders', '404 unknown v9'],
    ['GET /V2/orders', '404 unknown V2'],
    ['GET /v2.1/orders', '404 unknown v2.1'],
    ['GET /orders/v2', 'v1 /orders/v2'],
    ['GET /vintage', 'v1 /vintage'],
    ['GET ', 'v1 '],
  ])('%s gives %s.', (call, expected) => {
    expect(answerOf(everywhere, call)).toBe(expected);
  });

  it('has to be there if no default is.', () => {
    const byPath: Versioning = { by: ['path'], default: null };
    expect(answerOf(byPath, 'GET /orders')).toBe('404 unknown orders');
    expect(answerOf(byPath, 'GET ')).toBe('404 missing null');
  });

  it('is an ordinary segment where versions are not named by path.', () => {
    expect(answerOf({ by: ['header'], default: 'v1' }, 'GET /v2/orders')).toBe('v1 /v2/orders');
    expect(answerOf({ by: ['header'], default: 'v1' }, 'GET /v9')).toBe('v1 /v9');
  });

  it('shows at most the beginning of a long name.', () => {
    expect(answerOf({ by: ['path'], default: null }, `GET /${'x'.repeat(5_000)}`)).toBe(
      `404 unknown ${'x'.repeat(64)}`,
    );
  });
});

describe('a version named by `X-API-Version`', () => {
  it.each([
    ['v2', 'v2 /orders'],
    [' beta ', 'beta /orders'],
    ['v0', 'gone v0'],
    ['v9', '400 unknown v9'],
    ['V2', '400 unknown V2'],
    ['v1, v2', '400 unknown v1, v2'],
    ['', '400 unknown '],
  ])('%j gives %s.', (field, expected) => {
    expect(answerOf(everywhere, 'GET /orders', { 'x-api-version': field })).toBe(expected);
  });

  it('is not looked at where versions are named otherwise.', () => {
    expect(answerOf({ by: ['accept'], default: 'v1' }, 'GET /orders', { 'x-api-version': 'v2' })).toBe('v1 /orders');
  });
});

describe('a version named by `Accept`', () => {
  it.each([
    ['application/json;version=v2', 'v2 /orders'],
    ['application/json; VERSION="v2"; q=0.4', 'v2 /orders'],
    ['application/vnd.acme.v2+json', 'v2 /orders'],
    ['application/vnd.acme.shop.beta+json', 'beta /orders'],
    ['application/vnd.v2', 'v2 /orders'],
    ['application/vnd.acme.v1+json;version=v2', 'v2 /orders'],
    ['application/json;version=v1;q=0.5, application/json;version=v2', 'v2 /orders'],
    ['application/json;version=v2, application/json;version=v1', 'v2 /orders'],
    ['*/*, application/json;version=v2', 'v2 /orders'],
    ['*/*, application/json;version=v2;q=0.5', 'v1 /orders'],
    ['application/json;version=v9, application/json;version=v2;q=0.1', 'v2 /orders'],
    ['application/json;version=v9, */*;q=0.1', 'v1 /orders'],
    ['application/json;version=v2;q=0', 'v1 /orders'],
    ['application/json;version=v2;q=2', 'v1 /orders'],
    ['text/html;title="a;version=v2,b"', 'v1 /orders'],
    ['text/html;title="\\"";version=v2', 'v2 /orders'],
    ['application/vnd.acme+json', 'v1 /orders'],
    ['application/vnd.ms-excel', 'v1 /orders'],
    ['application/json', 'v1 /orders'],
    ['', 'v1 /orders'],
    [',;=,version', 'v1 /orders'],
    ['application/json;version=v0', 'gone v0'],
    ['application/json;version=v9', '406 unknown v9'],
    ['application/vnd.acme.v9+json', '406 unknown v9'],
    ['application/json;version=v9, */*;q=0', '406 unknown v9'],
  ])('%j gives %s.', (field, expected) => {
    expect(answerOf(everywhere, 'GET /orders', { accept: field })).toBe(expected);
  });

  it('is read in time that grows with the length of the field alone.', () => {
    const field = `application/vnd.${'a.'.repeat(20_000)},${'version="'.repeat(5_000)}`;
    expect(answerOf(everywhere, 'GET /orders', { accept: field })).toBe('v1 /orders');
  });
});

describe('a version named in several places', () => {
  it.each([
    ['GET /v2/a', 'v2', 'application/json;version=v2', 'v2 /a'],
    ['GET /v2/a', 'v2', '*/*', 'v2 /a'],
    ['GET /v2/a', 'v1', '*/*', '400 contradictory v1'],
    ['GET /v2/a', 'v9', '*/*', '400 unknown v9'],
    ['GET /v2/a', null, 'application/json;version=v1', '406 contradictory v1'],
    ['GET /v2/a', null, 'application/vnd.acme.beta+json', '406 contradictory beta'],
    ['GET /v2/a', null, 'application/json;version=v9', '406 unknown v9'],
    ['GET /v2/a', null, 'application/json;version=v1, */*;q=0.1', 'v2 /a'],
    ['GET /a', 'v2', 'application/json;version=v1', '406 contradictory v1'],
    ['GET /a', 'v2', 'application/json;version=v1, application/json;version=v2;q=0.1', 'v2 /a'],
  ])('%s with %s and %s gives %s.', (call, field, accept, expected) => {
    expect(answerOf(strict, call, { accept, ...(field === null ? {} : { 'x-api-version': field }) })).toBe(expected);
  });

  it('has to be in one of them if no default is.', () => {
    expect(answerOf(strict, 'GET /a')).toBe('400 missing null');
    expect(answerOf({ by: [], default: null }, 'GET /a')).toBe('400 missing null');
    expect(answerOf({ by: [], default: 'v2' }, 'GET /v1/a')).toBe('v2 /v1/a');
  });
});

describe('an endpoint of some versions', () => {
  const route = routeOf(
    sampleApi({
      versioning: everywhere,
      versions,
      endpoints: [
        endpoint('old', 'GET /orders', { versions: ['v1'] }),
        endpoint('new', 'GET /orders', { versions: ['v2'] }),
        endpoint('all', 'POST /orders'),
        endpoint('none', 'GET /none', { versions: [] }),
      ],
    }),
  );

  it('is found in these alone, and counts for `Allow` in these alone.', () => {
    expect(endedAt(route('GET /orders'))).toBe('old');
    expect(endedAt(route('GET /v2/orders'))).toBe('new');
    expect(endedAt(route('GET /orders', { headers: { 'x-api-version': 'v2' } }))).toBe('new');
    expect(endedAt(route('GET /beta/orders'))).toBe('method_not_allowed: POST, OPTIONS');
    expect(endedAt(route('GET /v2/none'))).toBe('unknown_endpoint');
  });

  it('is not found in an API that has no versions.', () => {
    const unversioned = routeOf(sampleApi({ endpoints: [endpoint('old', 'GET /orders', { versions: ['v1'] })] }));
    expect(endedAt(unversioned('GET /orders'))).toBe('unknown_endpoint');
    expect(endedAt(unversioned('GET /v1/orders'))).toBe('unknown_endpoint');
  });
});

describe('a request that names no version', () => {
  const [v1, v2, beta, v0] = versions;
  if (!v1 || !v2 || !beta || !v0) throw new Error('a sample is missing');
  const { lifecycle: ended } = v0;
  const chosenOf = (versioning: Versioning, ...all: typeof versions) =>
    routeOf(sampleApi({ versioning, versions: all }))('GET /orders');

  it('gets the first one that is not retired, where nobody chose one for it.', () => {
    const first: Versioning = { by: ALL, default: 'v0', takesFirst: true };
    expect(chosenOf(first, v0, v2, v1)).toMatchObject({ kind: 'routed', version: { name: 'v2' } });
    expect(chosenOf(first, v0, { ...v2, lifecycle: { ...ACTIVE, status: 'retired' } }, v1)).toMatchObject({
      version: { name: 'v1' },
    });
    expect(chosenOf({ ...first, default: 'v1' }, v1, v2)).toMatchObject({ version: { name: 'v1' } });
    expect(chosenOf(first, v0, { ...v2, lifecycle: ended })).toMatchObject({ kind: 'gone', version: { name: 'v0' } });
  });

  it('gets the one that was chosen for it to its end.', () => {
    expect(chosenOf({ by: ALL, default: 'v0' }, v0, v2)).toMatchObject({ kind: 'gone', version: { name: 'v0' } });
  });
});
