import type { Admission, QuotaStatus } from '../access/admission.ts';
import type { Principal } from '../access/principal.ts';
import type { Logger } from '../telemetry/log.ts';

/** What travels with a request through Hono. */
export interface AppEnv {
  Variables: {
    requestId: string;
    log: Logger;
    principal: Principal;
    /** What the request was charged, once it was. */
    admission: Admission | undefined;
    /** What it was measured by, for the header fields. */
    quota: QuotaStatus | undefined;
    /** The organization the request turned out to be about, for the log line. */
    organizationId: string | undefined;
  };
}
