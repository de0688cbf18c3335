import type { FieldReader } from '../../http/header-fields.ts';
import { sha256Hex } from '../../kernel/crypto.ts';
import type { CodingClass } from './coding.ts';
import { type CacheScope, CREDENTIALS, part } from './scope.ts';

/** Longer keys are written as their digest: URLs have a limit (16 KB on Workers), and a client chooses the query. */
const LONGEST_KEY = 4_000;

/** Stands among the names of a Vary for who calls; no field can be called that (RFC 9110 §5.6.2). */
export const CALLER = ':caller';

export interface KeyFacts {
  scheme: 'http' | 'https';
  host: string;
  /** As the upstream gets them: below its base, after the request transform. */
  path: string;
  query: string;
  headers: FieldReader;
  caller: string | null;
  pool: string;
}

/** What variants of a resource differ by. */
export type VariantFacts = Pick<KeyFacts, 'headers' | 'caller'>;

/**
 * The key of a resource. With `mode: 'ttl'` or `perCaller` the owner lets answers to authorized requests be stored
 * without the origin's word: then whatever credential of the caller's own is passed on to the upstream is part of the
 * key, so two users whom the upstream can tell apart never share an answer. The scheme is part of it since the upstream
 * is told of it: one that sends http to https would send everybody there.
 */
export function resourceKey(scope: CacheScope, facts: KeyFacts, query: string, coding: CodingClass): string {
  const { policy, answers, vary } = scope;
  let rest =
    part('h', `${facts.scheme}://${facts.host}`) + part('p', facts.path) + part('q', query) + part('z', coding);
  if (scope.byPool) rest += part('u', facts.pool);
  if (policy.perCaller === true) rest += part('c', facts.caller ?? '');
  for (const name of vary) rest += part('x', keyed(facts.headers, name));
  const secret = policy.mode === 'ttl' || policy.perCaller === true ? credentialsOf(facts.headers) : '';
  if (secret === '' && !scope.isHidden && answers.length + rest.length <= LONGEST_KEY) return answers + rest;
  return `${answers}/d${sha256Hex(rest + secret)}`;
}

function credentialsOf(headers: FieldReader): string {
  let text = '';
  for (const name of CREDENTIALS) if (headers.has(name)) text += part('s', `${name}:${headers.get(name)}`);
  return text;
}

/** A field's value for comparison (RFC 9111 §4.1): members of a list without the space around commas; `-` when absent. */
function keyed(headers: FieldReader, name: string): string {
  const value = headers.get(name);
  if (value === null) return '-';
  return `+${
    value.includes(',')
      ? value
          .split(',')
          .map((member) => member.trim())
          .join(',')
      : value.trim()
  }`;
}

/** The key of one of a resource's answers. Digested, since a field may hold anything, credentials included. */
export function variantKey(resource: string, names: readonly string[], { headers, caller }: VariantFacts): string {
  // Most often it is the caller alone, whose id is short and ours.
  if (names.length === 1 && names[0] === CALLER) return resource + part('k', caller ?? '');
  const values = names.map((name) => [name, name === CALLER ? caller : keyed(headers, name)]);
  return `${resource}/y${sha256Hex(JSON.stringify(values))}`;
}

/** At which keys writes to a resource are noted: by the path that clients name, and by the one that the upstream is asked for. */
export const pathKeys = (scope: CacheScope, paths: Iterable<string>): string[] =>
  [...new Set(paths)].map((path) => pathKey(scope, path));

/** Hosts, versions and endpoints share it: they lead to the same resource. */
const pathKey = (scope: CacheScope, path: string): string =>
  path.length <= LONGEST_KEY ? scope.paths + part('p', path) : `${scope.paths}/p`;

export interface Query {
  /** What is sent on: without the parameters that are not in the list. */
  sent: string;
  /** What stands in the key: in one order and one spelling. */
  keyed: string;
}

/**
 * Parameters outside the owner's list are not sent on either. Otherwise what one parser takes for an unlisted parameter
 * and another for a listed one (`a=1;id=2`, `id[]=2`) would let a caller fill the answer that others get.
 */
export function readQuery(query: string, parameters: ReadonlySet<string> | null): Query {
  if (query === '') return { sent: '', keyed: '' };
  const given = query.split('&').filter((pair) => pair !== '');
  const sent = parameters === null ? given : given.filter((pair) => parameters.has(decoded(nameOf(pair))));
  const spelled = sent.map(unreserved);
  // By name alone: the order of equal names is the caller's (`sort` is stable), and means something.
  if (spelled.length > 1) spelled.sort((a, b) => compare(nameOf(a), nameOf(b)));
  return { sent: parameters === null ? query : sent.join('&'), keyed: spelled.join('&') };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function nameOf(pair: string): string {
  const at = pair.indexOf('=');
  return at === -1 ? pair : pair.slice(0, at);
}

function decoded(name: string): string {
  if (!name.includes('%') && !name.includes('+')) return name;
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** RFC 3986 §6.2.2: `%61` is `a`, and `%3d` is `%3D`. */
function unreserved(pair: string): string {
  if (!pair.includes('%')) return pair;
  return pair.replace(/%([0-9A-Fa-f]{2})/g, (written, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return UNRESERVED.test(character) ? character : written.toUpperCase();
  });
}
