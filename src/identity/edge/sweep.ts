import type { Clock } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { type PublisherDeps, publishOrganization } from './publisher.ts';
import { takeBehind } from './store.ts';

/** Each takes three requests of the thousand that one run may make. */
const MAX_ORGANIZATIONS = 200;

/** A Worker has six connections open at once; more would only wait. */
const AT_ONCE = 6;

/**
 * Publishes every organization of which the edge knows an older version: the publisher died after the commit, or the
 * object could not be reached. Answers how many could not be published this time either.
 */
export async function publishBehind(deps: PublisherDeps & { clock: Clock }): Promise<number> {
  const waiting = await takeBehind(deps.db.query, MAX_ORGANIZATIONS, deps.clock());
  const found = waiting.length;
  let failed = 0;
  async function work() {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      try {
        await publishOrganization(deps, id);
      } catch (error) {
        failed += 1;
        deps.log.error('edge.unpublished', { organization_id: id, error: describeError(error) });
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (found > 0) deps.log.info('edge.swept', { found, failed });
  return failed;
}
