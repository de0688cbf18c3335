/** The guide lists every filter and every name that is not a field; a reader has no other list. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { EVENT_FIELDS, FIELD_ALIASES } from '../../../src/chain/events.ts';
import { FILTERS } from '../../../src/triggers/actions/template-filters.ts';
import { TEMPLATE_NAMES } from '../../../src/triggers/actions/template-names.ts';

const GUIDE = await readFile('docs/guides/actions.md', 'utf8');

it('names every filter', () => {
  for (const name of FILTERS.keys()) expect(GUIDE).toMatch(new RegExp(`^\\| .*\`${name}[\`:]`, 'm'));
});

it('names everything that templates may use besides the fields of events', () => {
  const fields = [...Object.keys(EVENT_FIELDS), ...Object.keys(FIELD_ALIASES)];
  const isField = (name: string) => fields.includes(name.replace(/^event\./, ''));
  const others = [...TEMPLATE_NAMES.keys()].filter((name) => !isField(name));
  expect(others.length).toBeGreaterThan(10);
  for (const name of others) expect(GUIDE).toContain(`\`${name}\``);
});
