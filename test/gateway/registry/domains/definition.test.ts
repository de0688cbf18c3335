import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedBranding, readHostName } from '../../../../src/gateway/registry/domains/definition.ts';

describe('a host name', () => {
  it.each([
    ['api.acme.com', 'api.acme.com'],
    ['API.Acme.COM.', 'api.acme.com'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['api。acme。com', 'api.acme.com'],
    ['a-b.c-d.co.uk', 'a-b.c-d.co.uk'],
    ['1.example', '1.example'],
  ])('%s is %s.', (text, host) => {
    expect(readHostName(text)).toBe(host);
  });

  it.each([
    ...['', '.', 'localhost', 'com', 'a..b', '.a.b', '-a.b', 'a-.b', '_weir.acme.com', '*.acme.com', 'a b.c'],
    ...['api.acme.com:8443', 'api.acme.com/path', 'me@acme.com', 'acme.com?x', 'acme.com#x', 'a%2eb.com', 'a\\b.com'],
    ...[
      '127.0.0.1',
      '0x7f.1',
      '2130706433',
      '1.2',
      '[::1]',
      'acme.1',
      'api.acme.com\n',
      'a\u0000.com',
      'a\u00ad.\u00ad',
    ],
    ...[`${'a'.repeat(64)}.com`, `${'a.'.repeat(130)}com`, 'xn--a.com'],
  ])('is not %j.', (text) => {
    expect(readHostName(text)).toBeUndefined();
  });

  it('is its own one form, and the host of its URL.', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string({ unit: 'grapheme' })), (text) => {
        const host = readHostName(text);
        if (host === undefined) return;
        expect(readHostName(host)).toBe(host);
        expect(new URL(`https://${host}/`).href).toBe(`https://${host}/`);
      }),
    );
  });
});

it('A change of the branding keeps what it does not name, and takes away what is null.', () => {
  const before = { display_name: 'Acme', primary_color: '#112233' };
  expect(changedBranding(before, { primary_color: null, support_email: 'help@acme.com' })).toEqual({
    display_name: 'Acme',
    support_email: 'help@acme.com',
  });
});
