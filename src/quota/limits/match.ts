import type { EdgeLimit, LimitScope } from '../../access/edge.ts';
import { canonicalPath, includesMethod, matchesPath } from '../../access/path-pattern.ts';
import { networkOf } from '../../http/address.ts';
import { isInside } from '../../outbound/address-block.ts';

/** A request, as far as limits can depend on it. What is not known of it is left out. */
export interface LimitedUse {
  keyId?: string | undefined;
  /** The person behind it: who signed in, made the key, or linked the wallet's agent. */
  userId?: string | undefined;
  address?: string | undefined;
  method: string;
  path: string;
  /** Slug of the registered API that it is for. */
  api?: string | undefined;
  /** Id of its endpoint. */
  endpoint?: string | undefined;
}

export interface LimitOn {
  limit: EdgeLimit;
  /** Names the counter of the limit that the request is counted by. */
  counterKey: string;
}

const OF_API = 'api:';

/** What a limit of a registered API's endpoint has for its target. No pattern of paths looks like it. */
export const endpointTarget = (api: string, endpoint: string) => `${OF_API}${api}#${endpoint}`;

/** The limits themselves are not limited by them: a limit that was set too low could not be mended before it ends. */
const EXEMPT = '/api/v1/rate-limits/**';

/** The limits that a request is measured by, in the order given. */
export function limitsOn(limits: readonly EdgeLimit[], use: LimitedUse): LimitOn[] {
  if (matchesPath(EXEMPT, use.path)) return [];
  return limits.flatMap((limit) => {
    const subject = SUBJECT_OF[limit.scope](limit.target, use);
    if (subject === undefined) return [];
    return { limit, counterKey: subject === '' ? limit.id : `${limit.id}:${subject}` };
  });
}

/** What a limit counts the request by; nothing when it does not measure it. A limit with a target has one counter. */
const SUBJECT_OF: Readonly<Record<LimitScope, (target: string | null, use: LimitedUse) => string | undefined>> = {
  organization: () => '',
  api: (target, { api }) => same(target, api),
  // Each path apart is not on offer: whoever makes up paths would make up counters.
  endpoint: (target, use) => (target !== null && isEndpoint(target, use) ? target : undefined),
  key: (target, { keyId }) => same(target, keyId),
  user: (target, { userId }) => same(target, userId),
  address: (target, { address }) => {
    if (target !== null) return isInside([target], address) ? target : undefined;
    // Together, those whose address the platform does not tell: leaving it out must not be a way around the limit.
    return address === undefined ? 'unknown' : networkOf(address);
  },
};

const same = (target: string | null, own: string | undefined) => (target === null || target === own ? own : undefined);

/**
 * An endpoint is a pattern of paths, behind a method and a space if it is of that method alone; or, as a registered API
 * has it, one by its name.
 */
function isEndpoint(target: string, { method, path, api, endpoint }: LimitedUse): boolean {
  if (target.startsWith(OF_API))
    return api !== undefined && endpoint !== undefined && target === endpointTarget(api, endpoint);
  const [pattern = '', only] = target.split(' ').reverse();
  const matches = matchesPath(canonicalPath(pattern), canonicalPath(path));
  return (only === undefined || includesMethod([only], method)) && matches;
}
