import type { EdgeSnapshot, KeyQuery, KeyVerdict } from '../access/edge.ts';

/** What others see of an organization's object. */
interface OrganizationObject {
  publish(snapshot: EdgeSnapshot): Promise<number>;
  identify(query: KeyQuery): Promise<KeyVerdict>;
}

/** Finds the object of an organization. A handle that failed is broken, so each call asks for one of its own. */
type ObjectOf = (organizationId: string) => OrganizationObject;

/** Calls to the organizations' objects, each of which may be repeated without harm. */
export const organizationClient = (objectOf: ObjectOf) => ({
  publish: (snapshot: EdgeSnapshot) => twice(() => objectOf(snapshot.organizationId).publish(snapshot)),
  identify: (organizationId: string, query: KeyQuery) => twice(() => objectOf(organizationId).identify(query)),
});

/**
 * Once more when the platform says that this may help, as after a deployment. An object with too much to do is not asked again.
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
