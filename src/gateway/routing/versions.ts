import type { FieldReader } from '../../http/header-fields.ts';
import type { CompiledApi } from '../compiled.ts';
import { looksLikeVersion, readAccept } from './accept.ts';
import { lifecycleAt } from './lifecycle.ts';

export interface VersionRequest {
  /** The first segment after the slug. */
  segment: string | undefined;
  headers: FieldReader;
  /** Milliseconds since 1970. */
  now: number;
}

export type VersionChoice =
  /** `null` in an API without versions. `byPath`: the first segment is the version's name and not forwarded. */
  { kind: 'version'; name: string | null; byPath: boolean } | VersionFault;

export interface VersionFault {
  kind: 'fault';
  /**
   * 404: the path names none that there is (the address is of nothing). 406: `Accept` asks only for what there is not (RFC
   * 9110 §15.5.7). 400: `X-API-Version` names none that there is, or the request names two at once, or none at all.
   */
  status: 400 | 404 | 406;
  reason: 'unknown' | 'contradictory' | 'missing';
  /** What it said, cut short. */
  asked: string | null;
}

/**
 * Which version a request asks for. Places that contradict each other are refused, not ranked: the upstream gets to see
 * the same fields and would be free to follow the other one, under a policy that was not meant for it.
 */
export function versionChooser(api: CompiledApi): (request: VersionRequest) => VersionChoice {
  const { versioning, versions } = api;
  if (versions.length === 0) return () => NO_VERSIONS;
  const known = new Set(versions.map(({ name }) => name));
  const [path, header, accept] = (['path', 'header', 'accept'] as const).map((place) => versioning.by.includes(place));
  const choices = new Map(
    versions.map(({ name }) => [name, { path: choiceOf(name, true), field: choiceOf(name, false) }]),
  );

  return ({ segment, headers, now }) => {
    let name: string | null = null;
    let byPath = false;
    if (path && segment !== undefined) {
      if (known.has(segment)) [name, byPath] = [segment, true];
      // With a default, `/orders` is a path of that version, but `/v9/orders` surely asks for another one.
      else if (looksLikeVersion(segment)) return fault(404, 'unknown', segment);
    }
    if (header) {
      const asked = headers.get(VERSION_FIELD);
      if (asked !== null) {
        if (!known.has(asked)) return fault(400, 'unknown', asked);
        if (name !== null && name !== asked) return fault(400, 'contradictory', asked);
        name = asked;
      }
    }
    if (accept) {
      const field = headers.get('accept');
      const accepted = field === null ? null : readAccept(field, known, name);
      if (accepted?.kind === 'none')
        return fault(406, known.has(accepted.asked) ? 'contradictory' : 'unknown', accepted.asked);
      if (accepted?.kind === 'version') name = accepted.name;
    }
    name ??= usualVersion(api, now);
    const choice = name === null ? undefined : choices.get(name);
    if (choice) return byPath ? choice.path : choice.field;
    if (!path || header || accept) return fault(400, 'missing', null);
    return segment === undefined ? fault(404, 'missing', null) : fault(404, 'unknown', segment);
  };
}

/** The version of requests that name none: nobody is sent to a retired one that nobody chose for them. */
export function usualVersion({ versioning, versions }: CompiledApi, now: number): string | null {
  if (!versioning.takesFirst) return versioning.default;
  const served = versions.find(({ lifecycle }) => lifecycleAt(lifecycle, now) !== 'retired');
  return served?.name ?? versioning.default;
}

const choiceOf = (name: string, byPath: boolean): VersionChoice => ({ kind: 'version', name, byPath });

const fault = (status: VersionFault['status'], reason: VersionFault['reason'], asked: string | null): VersionFault => ({
  kind: 'fault',
  status,
  reason,
  asked: asked?.slice(0, MAX_SHOWN) ?? null,
});

const NO_VERSIONS: VersionChoice = { kind: 'version', name: null, byPath: false };
const VERSION_FIELD = 'x-api-version';
const MAX_SHOWN = 64;
