import { describe, expect, it } from 'vitest';
import type { ApiDefinition } from '../../../src/gateway/registry/definition.ts';
import { withDeprecations } from '../../../src/gateway/registry/deprecations.ts';

const NOW = new Date('2026-03-02T00:00:00.500Z');
const LATER = new Date('2026-04-02T00:00:00Z');

const api = (fields: Partial<ApiDefinition>): ApiDefinition => ({ slug: 'orders', name: 'Orders', ...fields });

const deprecated = { status: 'deprecated' } as const;

describe('what is called deprecated without a date', () => {
  it('is so since it was first called so: an API, and each version.', () => {
    const sent = api({ ...deprecated, versions: [{ name: 'v1', ...deprecated }, { name: 'v2' }] });
    const stored = withDeprecations(sent, undefined, NOW);
    const since = { deprecated_at: '2026-03-02T00:00:00Z' };
    expect(stored).toEqual({
      ...{ ...sent, ...since },
      versions: [{ name: 'v1', ...deprecated, ...since }, { name: 'v2' }],
    });
    expect(withDeprecations(sent, stored, LATER)).toEqual(stored);
    const active = withDeprecations(api({}), stored, LATER);
    expect(active).toEqual(api({}));
    expect(withDeprecations(api(deprecated), active, LATER).deprecated_at).toBe('2026-04-02T00:00:00Z');
  });

  it('is so no later than its sunset.', () => {
    const sunset_at = '2026-01-01T00:00:00Z';
    expect(withDeprecations(api({ ...deprecated, sunset_at }), undefined, NOW).deprecated_at).toBe(sunset_at);
  });

  it('keeps the date that its author gave.', () => {
    const sent = api({ ...deprecated, deprecated_at: '2025-01-01T00:00:00Z' });
    expect(withDeprecations(sent, undefined, NOW)).toEqual(sent);
    const announced = api({ deprecated_at: '2027-01-01T00:00:00Z' });
    expect(withDeprecations(announced, undefined, NOW)).toEqual(announced);
    expect(withDeprecations(api({ ...deprecated, deprecated_at: null }), announced, NOW).deprecated_at).toBe(
      '2026-03-02T00:00:00Z',
    );
  });
});
