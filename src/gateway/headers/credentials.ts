import type { HeaderFields } from '../../http/header-fields.ts';
import { inUrl } from '../../kernel/escape.ts';
import type { Credentials } from '../compiled.ts';
import { breaksOut } from './fields.ts';

/** What an upstream wants to be shown, ready to be written; made once, when the sealed secrets are opened. */
export interface Injection {
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `name=value` of each, percent-encoded. */
  readonly query: readonly string[];
  /** Names of the query parameters: the caller's own of that name do not go on. */
  readonly queryNames: readonly string[];
  /** Texts that an answer's fields must not hold. */
  readonly secrets: readonly string[];
}

const SECRET = /\{\{\s*secret\s*\}\}/g;

/** Shorter texts are found by chance in fields that have nothing to do with them. */
const MIN_ECHO = 8;

/**
 * @param secrets the opened secret of each of `inject`, in order
 * @throws Error when a secret cannot stand in a header field: it never says which characters it has
 */
export function compileInjection(inject: Credentials['inject'], secrets: readonly string[]): Injection {
  const headers: [string, string][] = [];
  const query: string[] = [];
  const queryNames: string[] = [];
  inject.forEach(({ in: place, name, template }, index) => {
    // A function, since a replacement text would give `$&` in a secret a meaning.
    const value = template.replace(SECRET, () => secrets[index] ?? '');
    if (place === 'header') {
      if (breaksOut(value)) throw new Error(`the credential for "${name}" holds a line break`);
      headers.push([name.toLowerCase(), value]);
    } else {
      query.push(`${inUrl(name, 0)}=${inUrl(value, 0)}`);
      queryNames.push(name);
    }
  });
  const echoes = secrets.filter((secret) => secret.length >= MIN_ECHO);
  const spellings = new Set(echoes.flatMap((secret) => [secret, inUrl(secret, 0), encodeURIComponent(secret)]));
  return { headers, query, queryNames, secrets: [...spellings] };
}

/** Why the template of a credential is no good, or nothing. */
export const faultOfCredentialTemplate = (template: string): string | undefined => {
  const rest = template.replace(SECRET, '');
  if (rest === template) return 'must have a {{secret}}';
  if (rest.includes('{{')) return 'may only have {{secret}}';
  return /[^\x20-\x7e]/.test(rest) ? 'must be printable ASCII' : undefined;
};

/** Writes the header fields; after everything else, so that nothing else can write or read them. */
export function injectHeaders(headers: HeaderFields, injection: Injection): void {
  for (const [name, value] of injection.headers) headers.set(name, value);
}
