import type { EdgeLimit, LimitScope } from '../../access/edge.ts';
import { HTTP_METHODS, isPathPattern } from '../../access/path-pattern.ts';
import { invalidField } from '../../kernel/errors.ts';
import { canonicalBlock } from '../../outbound/address-block.ts';

/** A limit as somebody wrote it. */
export type Definition = Omit<EdgeLimit, 'id'>;

/** A bucket is full again within this many windows, so that no moment that is told of it is out of sight. */
const MAX_BURST_WINDOWS = 1_000;

/**
 * The definition with its target in the one form that requests are compared with.
 * @throws AppError `validation_failed` naming the field that does not go with the others
 */
export function checkDefinition(definition: Definition): Definition {
  refuseBurst(definition);
  return { ...definition, target: targetOf(definition) };
}

function refuseBurst({ algorithm, burst, limit }: Definition) {
  if (burst === null) return;
  if (algorithm !== 'token_bucket') throw invalidField('burst', 'is only for the algorithm token_bucket');
  if (burst > limit * MAX_BURST_WINDOWS) {
    throw invalidField('burst', `must be at most ${MAX_BURST_WINDOWS} times the limit`);
  }
}

function targetOf({ scope, target }: Definition): string | null {
  if (target === null) {
    if (scope === 'endpoint') throw invalidField('target', `is needed for the scope endpoint, and ${FORMS.endpoint}`);
    return null;
  }
  const canonical = TARGETS[scope](target);
  if (canonical === undefined) throw invalidField('target', FORMS[scope]);
  return canonical;
}

/** What a target of each scope must be. */
const FORMS: Readonly<Record<LimitScope, string>> = {
  organization: 'must be left out for the scope organization',
  api: 'must be the slug of an API: at most 63 lower-case letters, digits and hyphens',
  endpoint: 'must be a path, in which "*" stands for one segment and "**" at its end for any, or a method and a path',
  key: 'must be the id of an API key',
  user: 'must be the id of a user',
  address: 'must be an IPv4 or IPv6 address or CIDR block',
};

/**
 * The canonical form of a target, or nothing. Whether there is such a key, user or API is not asked: it may come and
 * go, and one of another organization is never seen by this one's limits.
 */
const TARGETS: Readonly<Record<LimitScope, (text: string) => string | undefined>> = {
  organization: () => undefined,
  api: (text) => matching(/^[a-z0-9-]{1,63}$/, text),
  endpoint: (text) => (isEndpoint(text) ? text : undefined),
  key: (text) => matching(/^key_[0-9a-f]{32}$/, text),
  user: (text) => matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, text.toLowerCase()),
  address: canonicalBlock,
};

const matching = (pattern: RegExp, text: string) => (pattern.test(text) ? text : undefined);

const METHODS: ReadonlySet<string> = new Set(HTTP_METHODS);

function isEndpoint(text: string): boolean {
  const [pattern = '', method, ...more] = text.split(' ').reverse();
  return more.length === 0 && (method === undefined || METHODS.has(method)) && isPathPattern(pattern);
}
