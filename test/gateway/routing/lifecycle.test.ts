import { describe, expect, it } from 'vitest';
import type { CompiledLifecycle } from '../../../src/gateway/compiled.ts';
import { lifecycleAt, lifecycleFields } from '../../../src/gateway/routing/lifecycle.ts';
import { ACTIVE, NOW, routedOf, routeOf, sampleApi } from './samples.ts';

const BASE = '/g/acme/shop';
const SUNSET = Date.UTC(2026, 10, 30, 23, 59, 59);

function fieldsOf(
  api: Partial<CompiledLifecycle>,
  version: Partial<CompiledLifecycle> | null = null,
): Record<string, string | number> | null {
  const fields = lifecycleFields({ ...ACTIVE, ...api }, version && { ...ACTIVE, ...version }, new Set(['v1', 'v2']));
  if (!fields) return null;
  const headers = new Headers();
  fields.write(headers, BASE);
  return { goneAt: fields.goneAt, ...Object.fromEntries(headers) };
}

describe('the fields of a lifecycle', () => {
  it('are a structured date, an HTTP date, and links.', () => {
    expect(
      fieldsOf(
        {},
        {
          status: 'deprecated',
          deprecatedAt: Date.UTC(2023, 5, 30, 23, 59, 59) + 999,
          sunsetAt: SUNSET,
          documentationUrl: 'https://docs.test/v1 end',
          successor: 'v2',
        },
      ),
    ).toEqual({
      goneAt: SUNSET,
      deprecation: '@1688169599',
      sunset: 'Mon, 30 Nov 2026 23:59:59 GMT',
      link: [
        '<https://docs.test/v1%20end>; rel="deprecation"',
        '<https://docs.test/v1%20end>; rel="sunset"',
        '</g/acme/shop/v2>; rel="successor-version"',
      ].join(', '),
    });
  });

  it('are none where there is nothing to say.', () => {
    expect(fieldsOf({})).toBeNull();
    expect(fieldsOf({ documentationUrl: 'https://docs.test/', successor: 'v2' }, {})).toBeNull();
  });

  it('announce what is still to come.', () => {
    expect(fieldsOf({ deprecatedAt: NOW + 1_000 })).toEqual({
      goneAt: Number.POSITIVE_INFINITY,
      deprecation: `@${NOW / 1000 + 1}`,
    });
    expect(fieldsOf({ sunsetAt: SUNSET, documentationUrl: 'https://docs.test/' })).toEqual({
      goneAt: SUNSET,
      sunset: 'Mon, 30 Nov 2026 23:59:59 GMT',
      link: '<https://docs.test/>; rel="sunset"',
    });
  });

  it('of a version and its API are the earlier dates and the links of both.', () => {
    const api = {
      deprecatedAt: 2_000,
      sunsetAt: SUNSET,
      documentationUrl: 'https://docs.test/api',
      successor: 'https://new.test/',
    };
    const version = { deprecatedAt: 3_000, sunsetAt: SUNSET - 1, documentationUrl: 'https://docs.test/v1' };
    expect(fieldsOf(api, version)).toEqual({
      goneAt: SUNSET - 1,
      deprecation: '@2',
      sunset: 'Mon, 30 Nov 2026 23:59:58 GMT',
      link: [
        '<https://docs.test/v1>; rel="deprecation"',
        '<https://docs.test/v1>; rel="sunset"',
        '<https://docs.test/api>; rel="deprecation"',
        '<https://docs.test/api>; rel="sunset"',
        '<https://new.test/>; rel="successor-version"',
      ].join(', '),
    });
    expect(fieldsOf(api, { ...version, successor: 'v2' })?.['link']).toContain(
      '</g/acme/shop/v2>; rel="successor-version"',
    );
  });

  it('link to no successor that has no address, and to nothing that is no web address.', () => {
    const changed = { deprecatedAt: 2_000, documentationUrl: 'javascript:alert(1)', successor: 'v3' };
    expect(fieldsOf(changed)).toEqual({ goneAt: Number.POSITIVE_INFINITY, deprecation: '@2' });
  });

  it('cannot be left by an address with brackets or quotes in it.', () => {
    const documentationUrl = 'https://docs.test/a>;rel="x"?b>#c>"';
    expect(fieldsOf({ deprecatedAt: 0, documentationUrl })?.['link']).toBe(
      '<https://docs.test/a%3E;rel=%22x%22?b%3E#c%3E%22>; rel="deprecation"',
    );
  });

  it('are added to the links that an answer already has.', () => {
    const headers = new Headers({ link: '</a>; rel="next"', deprecation: '@1' });
    lifecycleFields({ ...ACTIVE, deprecatedAt: 2_000, successor: 'v2' }, null, new Set(['v2']))?.write(headers, BASE);
    expect(headers.get('link')).toBe('</a>; rel="next", </g/acme/shop/v2>; rel="successor-version"');
    expect(headers.get('deprecation')).toBe('@2');
  });
});

describe('the end of a version or an API', () => {
  it('comes at its very millisecond.', () => {
    const route = routeOf(sampleApi({ lifecycle: { ...ACTIVE, sunsetAt: SUNSET } }));
    expect(routedOf(route('GET /a', { now: SUNSET - 1 })).lifecycle?.goneAt).toBe(SUNSET);
    expect(route('GET /a', { now: SUNSET })).toMatchObject({ kind: 'gone', base: BASE, version: null });
  });

  it('of a version leaves the others, and is not listed any more among those there are.', () => {
    const versions = ['v1', 'v2'].map((name) => ({
      name,
      lifecycle: { ...ACTIVE, ...(name === 'v1' ? { status: 'retired' as const, successor: 'v2' } : {}) },
      policy: {},
    }));
    const route = routeOf(sampleApi({ versions, versioning: { by: ['path'], default: 'v2' } }));
    const gone = route('GET /v1/a');
    if (gone.kind !== 'gone') throw new Error(gone.kind);
    const headers = new Headers();
    gone.lifecycle.write(headers, gone.base);
    expect(headers.get('link')).toBe('</g/acme/shop/v2>; rel="successor-version"');
    expect(routedOf(route('GET /v2/a')).lifecycle).toBeNull();
    expect(route('GET /v9/a')).toMatchObject({ kind: 'unknown_version', versions: ['v2'] });
  });

  it('of an API is the answer whatever version is asked for.', () => {
    const versions = [{ name: 'v1', lifecycle: ACTIVE, policy: {} }];
    const lifecycle = { ...ACTIVE, status: 'retired' as const };
    const route = routeOf(sampleApi({ lifecycle, versions, versioning: { by: ['path'], default: null } }));
    expect([route('GET /v1'), route('GET /v9'), route('GET ')].map(({ kind }) => kind)).toEqual([
      'gone',
      'gone',
      'gone',
    ]);
  });

  it.each<[Partial<CompiledLifecycle>, number, string]>([
    [{}, NOW, 'active'],
    [{ deprecatedAt: NOW }, NOW - 1, 'active'],
    [{ deprecatedAt: NOW }, NOW, 'deprecated'],
    [{ status: 'deprecated' }, 0, 'deprecated'],
    [{ status: 'deprecated', sunsetAt: NOW }, NOW - 1, 'deprecated'],
    [{ status: 'deprecated', sunsetAt: NOW }, NOW, 'retired'],
    [{ status: 'retired' }, 0, 'retired'],
  ])('%j is at %d %s.', (change, now, expected) => {
    expect(lifecycleAt({ ...ACTIVE, ...change }, now)).toBe(expected);
  });
});
