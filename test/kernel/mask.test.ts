import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskEmail } from '../../src/kernel/mask.ts';

describe('a masked e-mail address', () => {
  it.each([
    ['jane@example.com', 'j***@e***.com'],
    ['john.doe+news@example.com', 'j***@e***.com'],
    ['a@b.co', 'a***@b***.co'],
    ['jane@mail.example.co.uk', 'j***@m***.uk'],
    ['jane@a.b.c.d.example', 'j***@a***.example'],
    ['jane@localhost', 'j***@l***'],
    ['"odd@name"@example.com', '"***@e***.com'],
    ['ünï@exämple.com', 'ü***@e***.com'],
    ['😀smile@example.com', '😀***@e***.com'],
    ['no address at all', '***'],
    ['', '***'],
  ])('of %j is %j', (address, masked) => {
    expect(maskEmail(address)).toBe(masked);
  });

  it('shows one letter of either part and the last label, whatever the address is', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        const [local, domain] = [
          address.slice(0, address.lastIndexOf('@')),
          address.slice(address.lastIndexOf('@') + 1),
        ];
        expect(maskEmail(address)).toBe(`${local[0]}***@${domain[0]}***.${domain.split('.').at(-1)}`);
      }),
      { seed: 20_251, numRuns: 500 },
    );
  });

  it('is the same for addresses that differ only in what it hides', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.stringMatching(/^[a-z]{0,20}$/), (address, padding) => {
        const at = address.lastIndexOf('@');
        const longer = `${address.slice(0, at)}${padding}@${address.slice(at + 1, at + 2)}${padding}${address.slice(at + 2)}`;
        expect(maskEmail(longer)).toBe(maskEmail(address));
      }),
      { seed: 20_252, numRuns: 500 },
    );
  });
});
