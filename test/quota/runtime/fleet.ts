import type { Charge } from '../../../src/access/admission.ts';
import type { EdgePlan } from '../../../src/access/edge.ts';
import type { PublishAnswer, UsageAnswer } from '../../../src/quota/protocol.ts';
import { startIsolates } from '../../support/isolates.ts';
import type { Batch, BatchAnswer } from './gateway-worker.ts';

/** Several gateways and one class of objects in one workerd, with the objects' SQLite on disk. */
export interface Fleet {
  gateways: number;
  /** Has one gateway decide requests, one after the other. */
  admit(gateway: number, organizationId: string, charges: Charge[]): Promise<BatchAnswer>;
  publish(organizationId: string, plan: EdgePlan): Promise<PublishAnswer>;
  usage(organizationId: string): Promise<UsageAnswer>;
  /** Any other word to the object of an organization. */
  tell<T>(path: string, organizationId: string, body?: unknown): Promise<T>;
  /** Kills the runtime as `kill -9` does, and starts it anew on the same disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFleet(gateways: number): Promise<Fleet> {
  const isolates = await startIsolates({
    ...{ part: 'quota', gateways, classes: { ORGANIZATION_QUOTA: 'OrganizationQuota' } },
    gateway: new URL('./gateway-worker.ts', import.meta.url),
    object: new URL('./object-worker.ts', import.meta.url),
  });

  async function post<T>(service: string | undefined, path: string, body: unknown): Promise<T> {
    const answer = await fetch(`${service}${path}`, { method: 'POST', body: JSON.stringify(body ?? null) });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T; // what the workers beside this file answer
  }
  const tell = <T>(path: string, organizationId: string, body?: unknown) =>
    post<T>(isolates.object, `${path}?organization=${organizationId}`, body);
  let version = 0;

  return {
    gateways,
    tell,
    admit: (gateway, organizationId, charges) =>
      post<BatchAnswer>(isolates.gateways[gateway], '/', { organizationId, charges } satisfies Batch),
    publish: (organizationId, plan) =>
      tell('/publish', organizationId, {
        organizationId,
        version: ++version,
        deleted: false,
        plan,
        keys: [],
        limits: [],
      }),
    usage: (organizationId) => tell('/usage', organizationId),
    crash: isolates.crash,
    stop: isolates.stop,
  };
}
