import type { ApiDefinition, EndpointDefinition } from './definition.ts';

const MAX_ID = 56;

/** `get-orders-order_id` of `GET /orders/{order_id}`: the same for the same document. */
function idOf({ methods = [], path }: EndpointDefinition): string {
  const words = `${methods.length > 0 ? methods.join('-') : 'any'}${path}`.toLowerCase();
  const id = words.replace(/[^a-z0-9_]+/g, '-').replace(/^-+|-+$/g, '');
  return id.slice(0, MAX_ID);
}

/** Names the endpoints that their author has not named. */
export function withEndpointIds(api: ApiDefinition): ApiDefinition {
  if (!api.endpoints) return api;
  const taken = new Set(api.endpoints.flatMap(({ id }) => id ?? []));
  return { ...api, endpoints: api.endpoints.map((endpoint) => named(endpoint, taken)) };
}

function named(endpoint: EndpointDefinition, taken: Set<string>): EndpointDefinition {
  if (endpoint.id !== undefined) return endpoint;
  const base = idOf(endpoint);
  let id = base;
  for (let number = 2; taken.has(id); number += 1) id = `${base}-${number}`;
  taken.add(id);
  return { ...endpoint, id };
}
