import type { EdgeLimit } from '../../access/edge.ts';
import { endpointTarget } from '../../quota/index.ts';
import type { ApiDefinition } from './definition.ts';

/** The limits of an API's endpoints, as the organization's object keeps limits: beside those that it has set itself. */
export const endpointLimits = (id: string, { slug, endpoints = [] }: ApiDefinition): EdgeLimit[] =>
  endpoints.flatMap(({ id: endpoint = '', limits = [] }) =>
    limits.map(({ limit, window, algorithm = 'fixed_window', burst = null }, index) => ({
      id: `api:${id}:${endpoint}:${index}`,
      name: `${slug}/${endpoint}${index === 0 ? '' : `/${index + 1}`}`,
      scope: 'endpoint',
      target: endpointTarget(slug, endpoint),
      ...{ limit, window, algorithm, burst },
    })),
  );
