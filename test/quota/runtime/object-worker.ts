import type { EdgeSnapshot } from '../../../src/access/edge.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { organizationQuotaObject } from '../../../src/quota/object.ts';
import type { OrganizationObject } from '../../../src/quota/organization.ts';
import type { AdmitRequest } from '../../../src/quota/protocol.ts';
import { createLogger } from '../../../src/telemetry/log.ts';

/** The service that has the objects. What they tell the database goes nowhere: there is none. */
const nowhere = async () => undefined;

export class OrganizationQuota extends organizationQuotaObject(() => ({
  clock: systemClock,
  log: createLogger(),
  recordUses: nowhere,
  recordWindow: nowhere,
  recordEvent: nowhere,
})) {
  #gate = Promise.withResolvers<void>();
  #isShut = false;

  /** Until it is opened again, questions wait: the object hangs, as far as isolates can tell. */
  shut(): void {
    this.#gate = Promise.withResolvers();
    this.#isShut = true;
  }

  open(): void {
    this.#isShut = false;
    this.#gate.resolve();
  }

  override async admit(requests: readonly AdmitRequest[]) {
    if (this.#isShut) await this.#gate.promise;
    return super.admit(requests);
  }
}

/** What a test may ask of an object, by the path. The types of RPC make lists of tuples, hence the cast. */
interface Told extends OrganizationObject {
  shut(): Promise<void>;
  open(): Promise<void>;
}

async function tell(object: Told, path: string, body: unknown): Promise<unknown> {
  // Each body is what the test beside this file sends to that path.
  if (path === '/publish') return object.publish(body as EdgeSnapshot);
  if (path === '/admit') return object.admit(body as AdmitRequest[]);
  if (path === '/usage') return object.usage();
  if (path === '/shut') return object.shut();
  if (path === '/open') return object.open();
  throw new Error(`nothing is at ${path}`);
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const object = env.ORGANIZATION_QUOTA.getByName(searchParams.get('organization') ?? '') as unknown as Told;
    return Response.json((await tell(object, pathname, await request.json())) ?? null);
  },
};
