import { post } from '../../identity/company.ts';
import { type Answer, call, expectOk, type Person } from '../../support/api.ts';

export const PATH = '/api/v1/apis';

export const API = { name: 'Orders', slug: 'orders', upstreams: [{ url: 'https://example.com/base' }] };

export interface Shown {
  id: string;
  organization_id: string;
  slug: string;
  revision: number;
  definition: Record<string, unknown> & { endpoints?: { id: string; path: string }[]; versions?: { name: string }[] };
}

export interface Put {
  data: Shown;
  result: string;
  dry_run: boolean;
  changes: { op: string; path: string; before?: unknown; after?: unknown }[];
}

/** An API by the API; without an organization, of the person's personal one. */
export async function newApi(person: Person, fields: object = {}): Promise<Shown> {
  const { data } = await expectOk<{ data: Shown }>(201, post(person, PATH, { ...API, ...fields }));
  return data;
}

export const putYaml = (person: Person, path: string, body: string) =>
  call('PUT', path, { token: person.token, body, headers: { 'Content-Type': 'application/yaml' } });

export const detailsOf = ({ body }: Answer) => (body as { details?: { path: string; message: string }[] }).details;

export const dataOf = <T = Shown>({ body }: Answer) => (body as { data: T }).data;

export const putOf = ({ body }: Answer) => body as Put;
