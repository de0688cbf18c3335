import type { EdgeSnapshot } from '../access/edge.ts';
import type { AdmitAnswer, AdmitRequest, GatewayAnswer, PublishAnswer, UsageAnswer } from './protocol.ts';

/** What others see of an organization's object. */
export interface OrganizationObject {
  publish(snapshot: EdgeSnapshot): Promise<PublishAnswer>;
  /** Decides the requests one after the other; the answers come in their order. */
  admit(requests: readonly AdmitRequest[]): Promise<AdmitAnswer[]>;
  /** `known` is the version that the asker has. Nothing when the organization was never published. */
  gateway(known: number): Promise<GatewayAnswer | undefined>;
  giveBack(operationId: string): Promise<void>;
  usage(): Promise<UsageAnswer | undefined>;
}

/** Calls to an organization's object. A handle that failed is broken, so each call asks for one of its own. */
export const organizationObject = (handle: () => OrganizationObject): OrganizationObject => ({
  publish: (snapshot) => twice(() => handle().publish(snapshot)),
  admit: (requests) => twice(() => handle().admit(requests)),
  gateway: (known) => twice(() => handle().gateway(known)),
  giveBack: (operationId) => twice(() => handle().giveBack(operationId)),
  usage: () => twice(() => handle().usage()),
});

/**
 * Once more when the platform says that this may help, as after a deployment; each call may be repeated without harm.
 * An object with too much to do is not asked again.
 * https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
 */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isWorthRetrying(error)) throw error;
    return call();
  }
}

function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return 'retryable' in error && error.retryable === true && !('overloaded' in error && error.overloaded === true);
}
