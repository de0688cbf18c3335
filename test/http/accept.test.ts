import { expect, it } from 'vitest';
import { prefersYaml } from '../../src/http/accept.ts';

it.each<[string | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['application/json', false],
  ['application/yaml', true],
  ['Application/YAML; q=0.5', true],
  ['application/yaml, */*', true],
  ['application/yaml;q=0.9, */*', false],
  ['application/yaml, application/json', false],
  ['application/yaml, application/json;q=0.9', true],
  ['application/yaml;q=0', false],
  ['application/yaml;q=x', false],
  ['application/*, application/yaml;q=0.1', false],
])('Accept: %s prefers YAML: %s', (accept, expected) => {
  expect(prefersYaml(accept)).toBe(expected);
});
