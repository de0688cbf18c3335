import type { FieldReader } from '../../http/header-fields.ts';
import type { Predicate } from '../compiled.ts';

/** What predicates look at. */
export interface RequestFacts {
  /** Lower case, without a port. */
  host: string;
  headers: FieldReader;
  /** Raw, with or without `?`. */
  search: string;
}

/** Holds the parsed query of one request; most requests meet no predicate that asks for it. */
export class LazyQuery {
  readonly #search: string;
  #parsed: URLSearchParams | undefined;

  constructor(search: string) {
    this.#search = search;
  }

  values(name: string): string[] {
    this.#parsed ??= new URLSearchParams(this.#search);
    return this.#parsed.getAll(name);
  }
}

export type Test = (facts: RequestFacts, query: LazyQuery) => boolean;

/** One function for an endpoint's predicates, all of which must hold; `null` if there are none. */
export function compilePredicates(when: readonly Predicate[]): Test | null {
  const tests = when.map(compilePredicate);
  const [first] = tests;
  if (!first) return null;
  if (tests.length === 1) return first;
  return (facts, query) => tests.every((test) => test(facts, query));
}

function compilePredicate({ in: place, name, test }: Predicate): Test {
  const holds = valueTest(test, place === 'host');
  if (place === 'host') return ({ host }) => holds(host);
  if (place === 'header') return ({ headers }) => holds(headers.get(name));
  return (_, query) => {
    const values = query.values(name);
    // Of `?tier=a&tier=b` one server takes the first and another the last: the test must hold of each.
    return values.length === 0 ? holds(null) : values.every(holds);
  };
}

function valueTest(test: Predicate['test'], isHost: boolean): (value: string | null) => boolean {
  const written = (text: string) => (isHost ? text.toLowerCase() : text);
  if ('exists' in test) return (value) => (value !== null) === test.exists;
  if ('equals' in test) {
    const equals = written(test.equals);
    return (value) => value === equals;
  }
  if ('prefix' in test) {
    const prefix = written(test.prefix);
    return (value) => value?.startsWith(prefix) ?? false;
  }
  const allowed = new Set(test.oneOf.map(written));
  return (value) => value !== null && allowed.has(value);
}
