/** JSON pointers (RFC 6901) into a document that somebody else wrote. */

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export const at = (pointer: string, ...names: readonly (string | number)[]): string =>
  pointer + names.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function namesIn(fragment: string): string[] | undefined {
  try {
    const names = decodeURIComponent(fragment).split('/').slice(1);
    return names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return undefined;
  }
}

/** What a reference (`#/components/schemas/User`) names, and its pointer; nothing where there is nothing. */
export function lookUp(root: unknown, reference: string): { value: unknown; pointer: string } | undefined {
  const fragment = reference.slice(1);
  const names = fragment === '' ? [] : fragment.startsWith('/') ? namesIn(fragment) : undefined;
  if (!names) return undefined;
  let value: unknown = root;
  for (const name of names) {
    // Own members alone: nobody's `constructor` is part of a document.
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Json)[name];
  }
  return { value, pointer: at('', ...names) };
}
