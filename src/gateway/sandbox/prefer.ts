import type { FieldReader } from '../../http/header-fields.ts';

/** Which of the mock answers a caller prefers (RFC 7240), by the names that Prism made known. */
export interface Preferences {
  code: number | null;
  /** Name of an example. */
  example: string | null;
  /** Whether data are to be made anew instead of taken from examples. */
  dynamic: boolean;
}

/** Longest field that is looked at. */
const MAX_FIELD = 1_000;

const PREFERENCE = /(?:^|,)\s*([!#$%&'*+\-.^_`|~\w]+)\s*(?:=\s*(?:"([^"]*)"|([^\s,;"]+)))?/g;

/** Reads `Prefer`. Of a preference that is there twice the first counts, and unknown ones are ignored (RFC 7240 §2). */
export function readPreferences(headers: FieldReader): Preferences {
  const values = new Map<string, string>();
  for (const [, name = '', quoted, token] of (headers.get('prefer') ?? '').slice(0, MAX_FIELD).matchAll(PREFERENCE)) {
    const key = name.toLowerCase();
    if (!values.has(key)) values.set(key, quoted ?? token ?? '');
  }
  const code = values.get('code') ?? '';
  const dynamic = values.get('dynamic');
  return {
    code: /^[1-5]\d\d$/.test(code) ? Number(code) : null,
    example: values.get('example') || null,
    dynamic: dynamic !== undefined && dynamic !== 'false',
  };
}
