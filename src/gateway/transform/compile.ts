import type { FieldChange, RequestTransform, ResponseTransform } from '../compiled.ts';
import { faultOfRenamedTo, faultOfResponseField } from '../headers/fields.ts';
import { compileJsonChange, type JsonChange } from './body.ts';
import { type ChangeHeaders, type ChangeQuery, compileHeaders, compileQuery } from './fields.ts';
import { compilePath, type RewritePath } from './path.ts';

/** What is done to a request; `null` is nothing, so that a call without it pays a comparison. */
export interface RequestChanges {
  readonly headers: ChangeHeaders | null;
  readonly query: ChangeQuery | null;
  readonly path: RewritePath | null;
  readonly body: JsonChange | null;
}

/** What is done to an answer. */
export interface ResponseChanges {
  readonly headers: ChangeHeaders | null;
  readonly body: JsonChange | null;
  /** From the upstream's status to ours. */
  readonly status: ReadonlyMap<number, number> | null;
}

const REST = /\{([A-Za-z_]\w*)\*\}$/;

/**
 * Reads a policy's transformation once, when the snapshot is built.
 * @param endpointPath pattern of the endpoint that the policy is of; `null` where there is none
 * @throws Error when what is published was never checked (`checkTransform`)
 */
export function compileRequestTransform(transform: RequestTransform, endpointPath: string | null): RequestChanges {
  const rest = REST.exec(endpointPath ?? '')?.[1];
  return {
    headers: compileHeaders(transform.headers),
    query: compileQuery(transform.query),
    path: transform.path === null ? null : compilePath(transform.path, rest === undefined ? [] : [rest]),
    body: compileJsonChange(transform.body, []),
  };
}

/** What is published may be older than a rule of the check: what it would refuse today is not carried out. */
function isAllowed({ do: verb, name, value }: FieldChange): boolean {
  if (verb === 'remove') return true;
  return (verb === 'rename' ? faultOfRenamedTo(value) : faultOfResponseField(name)) === undefined;
}

/** The same for the way back. */
export function compileResponseTransform(transform: ResponseTransform): ResponseChanges {
  return {
    headers: compileHeaders(transform.headers.filter(isAllowed)),
    body: compileJsonChange(transform.body, transform.mask),
    status: transform.status.length === 0 ? null : new Map(transform.status.map(({ from, to }) => [from, to])),
  };
}
