import { errorResponse } from '../http/problem.ts';
import { AppError } from '../kernel/errors.ts';
import { createLogger } from '../telemetry/log.ts';
import { requestIdOf } from './call.ts';
import { hostName, slugName } from './directory/directory.ts';
import {
  PATH_FAULTS,
  type PathFault,
  type RequestPath,
  type RequestTarget,
  readPath,
  readTarget,
} from './routing/path.ts';

/** Where a request for the data plane is addressed to. */
export interface Place {
  /** How the organization is found: by a name of its own, or, at `/api/v1/…`, by whose credential it is. */
  organization: { by: 'name'; name: string; kind: 'slug' | 'host' } | { by: 'credential' };
  target: RequestTarget;
  path: RequestPath;
  /** Index of the segment that names the service. */
  at: number;
}

export interface PlaceDeps {
  /** Whether the deployment itself answers on a host. */
  isOwnHost(host: string): boolean;
  /** Names of our own resources below `/api/v1/`, which no service can have. */
  reserved: ReadonlySet<string>;
}

export type PlaceFinder = (url: string) => Place | PathFault | undefined;

const BY_SLUG = '/g/';
const BY_CREDENTIAL = '/api/v1/';

const SERVICE = /^[a-z0-9][a-z0-9-]*$/;

/**
 * Where a request is addressed to: `/g/{organization}/{service}/…`, `/api/v1/{service}/…`, or any path on a host of an
 * organization's own. Nothing when it is for the control plane; a fault when its path can be read in two ways.
 */
export function placeFinder({ isOwnHost, reserved }: PlaceDeps): PlaceFinder {
  return (url) => {
    const target = readTarget(url);
    if (typeof target === 'string') return target;
    const { host, path: raw } = target;
    const isOwn = isOwnHost(host);
    if (isOwn && !raw.startsWith(BY_SLUG) && !isService(raw, reserved)) return undefined;
    const path = readPath(raw);
    if (typeof path === 'string') return path;
    if (!isOwn) return { organization: { by: 'name', name: hostName(host), kind: 'host' }, target, path, at: 0 };
    if (!raw.startsWith(BY_SLUG)) return { organization: { by: 'credential' }, target, path, at: 2 };
    const name = slugName(path.segments[1] ?? '');
    return { organization: { by: 'name', name, kind: 'slug' }, target, path, at: 2 };
  };
}

/** Whether the path begins with a service's slug and not with one of our own resources. */
function isService(raw: string, reserved: ReadonlySet<string>): boolean {
  if (!raw.startsWith(BY_CREDENTIAL)) return false;
  const end = raw.indexOf('/', BY_CREDENTIAL.length);
  const service = raw.slice(BY_CREDENTIAL.length, end < 0 ? undefined : end);
  return SERVICE.test(service) && !reserved.has(service);
}

/** The answer to a request whose address can be read in two ways: 400, before anybody is asked anything. */
export function refuseFault(fault: PathFault, { headers }: Request): Response {
  const requestId = requestIdOf(headers);
  const error = new AppError('bad_request', PATH_FAULTS[fault]);
  const response = errorResponse(error, { log: createLogger(), requestId, accept: headers.get('accept') });
  response.headers.set('x-request-id', requestId);
  return response;
}
