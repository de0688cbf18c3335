import { rfc3339 } from '../../kernel/clock.ts';
import type { ApiDefinition, VersionDefinition } from './definition.ts';

type Dated = Pick<VersionDefinition, 'status' | 'deprecated_at' | 'sunset_at'>;

/**
 * Dates what its author calls deprecated without saying since when, because `Deprecation` has no form without a date (RFC
 * 9745 §2.1): it is deprecated since it was first called so, and the same document again changes nothing.
 */
export function withDeprecations(api: ApiDefinition, before: ApiDefinition | undefined, now: Date): ApiDefinition {
  const old = new Map(before?.versions?.map((version) => [version.name, version]));
  const versions = api.versions?.map((version) => dated(version, old.get(version.name), now));
  return dated({ ...api, ...(versions && { versions }) }, before, now);
}

function dated<T extends Dated>(sent: T, before: Dated | undefined, now: Date): T {
  if (sent.status !== 'deprecated' || sent.deprecated_at) return sent;
  const since = (before?.status === 'deprecated' && before.deprecated_at) || rfc3339(now);
  const { sunset_at } = sent;
  // RFC 9745 §4: the sunset must not be before it.
  return { ...sent, deprecated_at: sunset_at && Date.parse(sunset_at) < Date.parse(since) ? sunset_at : since };
}
