import * as z from 'zod';
import { scope } from '../policy-shape.ts';
import { at } from './pointer.ts';
import type { Reading } from './reading.ts';

export const security = z.array(z.record(z.string(), z.array(z.string())));

/**
 * The scopes that an operation asks for, as far as a key here can hold them: those of its security requirement, if all of
 * its alternatives ask for the same.
 */
export function scopesOf(
  reading: Reading,
  own: z.output<typeof security> | undefined,
  pointer: string,
): string[] | undefined {
  const shared = own ? undefined : reading.shaped(security.optional(), reading.root['security'], '/security');
  const requirements = own ?? shared ?? [];
  const here = own ? at(pointer, 'security') : '/security';
  const asked = requirements.map((requirement) => [...new Set(Object.values(requirement).flat())].sort());
  const [first = [], ...others] = asked;
  if (others.some((scopes) => scopes.join(' ') !== first.join(' '))) {
    reading.warn(here, 'has alternatives with different scopes, of which none was taken over');
    return undefined;
  }
  const fitting = first.filter((text) => scope.safeParse(text).success);
  for (const text of first.filter((other) => !fitting.includes(other))) {
    reading.warn(here, `asks for the scope ${text.slice(0, 100)}, which is none that a key can hold; it was left out`);
  }
  return fitting.length > 0 ? fitting : undefined;
}
