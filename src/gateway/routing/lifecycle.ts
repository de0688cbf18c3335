import type { HeaderFields } from '../../http/header-fields.ts';
import { type CompiledLifecycle, LIFECYCLES, type Lifecycle } from '../compiled.ts';

/**
 * What answers say about the end of an API or of one of its versions: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and
 * `Link` (RFC 8288). All three are announcements, valid before and after their dates, so they are made once; only whether
 * the thing is gone depends on the clock.
 */
export interface LifecycleFields {
  /** From this moment on the answer is 410: 0 if it is retired, `Infinity` if no end is set. */
  goneAt: number;
  /**
   * Adds them to an answer's fields. `base` is the path under which the API was reached, version excluded
   * (`/g/acme/orders`): the successor's address is made from it.
   */
  write(headers: HeaderFields, base: string): void;
}

/**
 * Of a version together with its API; `null` where there is nothing to say and no end. `addressed`: the versions that have
 * an address of their own, since they are named by path.
 */
export function lifecycleFields(
  api: CompiledLifecycle,
  version: CompiledLifecycle | null,
  addressed: ReadonlySet<string>,
): LifecycleFields | null {
  const both = version ? [version, api] : [api];
  const deprecatedAt = earliest(both.map((one) => one.deprecatedAt));
  const sunsetAt = earliest(both.map((one) => one.sunsetAt));
  const goneAt = both.some(({ status }) => status === 'retired') ? 0 : (sunsetAt ?? Number.POSITIVE_INFINITY);
  const isDeprecated = deprecatedAt !== null || both.some(({ status }) => status !== 'active');
  if (!isDeprecated && sunsetAt === null) return null;

  const deprecation = deprecatedAt === null ? null : `@${Math.floor(deprecatedAt / 1000)}`;
  const sunset = sunsetAt === null ? null : new Date(sunsetAt).toUTCString();
  const links = documentation(both).flatMap((href) => [
    ...(isDeprecated ? [link(href, 'deprecation')] : []),
    ...(sunset === null ? [] : [link(href, 'sunset')]),
  ]);
  const successor = version?.successor ?? api.successor;
  const elsewhere = successor === null ? null : webAddress(successor);
  if (elsewhere !== null) links.push(link(elsewhere, 'successor-version'));
  const below = successor !== null && addressed.has(successor) ? encodeURIComponent(successor) : null;

  return {
    goneAt,
    write(headers, base) {
      if (deprecation !== null) headers.set('deprecation', deprecation);
      if (sunset !== null) headers.set('sunset', sunset);
      for (const value of links) headers.append('link', value);
      // RFC 8288 §3.1: a reference is resolved against the address that was asked for.
      if (below !== null) headers.append('link', link(`${base}/${below}`, 'successor-version'));
    },
  };
}

/** What something is at that moment, whatever was last written down about it. */
export function lifecycleAt({ status, deprecatedAt, sunsetAt }: CompiledLifecycle, now: number): Lifecycle {
  if (status === 'retired' || (sunsetAt !== null && now >= sunsetAt)) return 'retired';
  return status === 'deprecated' || (deprecatedAt !== null && now >= deprecatedAt) ? 'deprecated' : 'active';
}

/** What a version is at that moment: it goes no later than its API. */
export const versionLifecycleAt = (api: CompiledLifecycle, version: CompiledLifecycle, now: number): Lifecycle =>
  LIFECYCLES.findLast((one) => one === lifecycleAt(api, now) || one === lifecycleAt(version, now)) ?? 'active';

const earliest = (moments: readonly (number | null)[]): number | null =>
  moments.reduce((first, moment) => (first === null || (moment !== null && moment < first) ? moment : first), null);

const documentation = (lifecycles: readonly CompiledLifecycle[]): string[] =>
  [...new Set(lifecycles.map(({ documentationUrl }) => documentationUrl && webAddress(documentationUrl)))].filter(
    (href) => href !== null,
  );

/** The address as a URL parser writes it: in that form `>`, quotes and control characters are encoded. */
function webAddress(text: string): string | null {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null;
}

const link = (href: string, rel: string) => `<${href}>; rel="${rel}"`;
