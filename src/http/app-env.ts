import type { Principal } from '../access/principal.ts';
import type { Logger } from '../telemetry/log.ts';

/** What travels with a request through Hono. */
export interface AppEnv {
  Variables: {
    requestId: string;
    log: Logger;
    principal: Principal;
    /** The organization the request turned out to be about, for the log line. */
    organizationId: string | undefined;
  };
}
