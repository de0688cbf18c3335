import type { FieldReader, HeaderFields } from '../../http/header-fields.ts';
import type { Cors } from '../compiled.ts';
import { addVary } from '../vary.ts';

/** The CORS protocol of the Fetch standard (§3.2) for one API, made once. */
export interface CorsRules {
  /** The answer to a preflight, without a call of the upstream or of the quota; nothing for another request. */
  preflight(method: string, headers: FieldReader): { status: 204; headers: Headers } | undefined;
  /** Writes what the caller's page may read into an answer, in the place of anything the upstream says of it. */
  decorate(requested: FieldReader, answer: HeaderFields): void;
}

const FIELDS: readonly string[] = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-expose-headers',
  'access-control-max-age',
];

/** A list with `*` means everything only where no credentials are sent; with them it would be taken literally. */
const listOf = (names: readonly string[]) => names.join(', ');

/**
 * An origin that is not listed gets no permission: nothing is ever reflected. `*` and credentials exclude each other,
 * here once more, since the definition's check could be older than this rule.
 */
export function compileCors(cors: Cors): CorsRules {
  const any = cors.origins.includes('*');
  const origins = new Set(cors.origins);
  const credentials = cors.credentials && !any;
  const exposed = listOf(cors.expose);

  const allow = (origin: string | null, answer: HeaderFields): boolean => {
    if (!any) addVary(answer, ['Origin']);
    if (origin === null || !(any || origins.has(origin))) return false;
    answer.set('access-control-allow-origin', any ? '*' : origin);
    if (credentials) answer.set('access-control-allow-credentials', 'true');
    return true;
  };

  return {
    preflight: (method, headers) => {
      const origin = headers.get('origin');
      if (method !== 'OPTIONS' || origin === null || !headers.has('access-control-request-method')) return undefined;
      const answer = new Headers();
      if (allow(origin, answer)) {
        answer.set('access-control-allow-methods', listOf(cors.methods));
        if (cors.headers.length > 0) answer.set('access-control-allow-headers', listOf(cors.headers));
        answer.set('access-control-max-age', String(cors.maxAgeSeconds));
      }
      return { status: 204, headers: answer };
    },
    decorate: (requested, answer) => {
      for (const name of FIELDS) answer.delete(name);
      if (allow(requested.get('origin'), answer) && exposed !== '') {
        answer.set('access-control-expose-headers', exposed);
      }
    },
  };
}
