import { type Clock, rfc3339, SECOND } from '../../kernel/clock.ts';

/** Something that the deployment needs. */
interface Dependency {
  /** `database`, `cache`, `chain:8453`; shown to anyone, so it names no host. */
  name: string;
  /** Whether requests fail without it. */
  required: boolean;
  /** Whether it works; a rejection says that it does not. */
  check(): Promise<boolean>;
}

export interface DependencyDeps {
  dependencies: readonly Dependency[];
  clock: Clock;
  wait(milliseconds: number): Promise<void>;
}

/** Below what load balancers wait for an answer to a health check. */
const PATIENCE = 3 * SECOND;

/** Anyone may ask: however often they do, the services are asked no more often than that by an isolate. */
const FRESH_FOR = 5 * SECOND;

export interface DependencyHealth {
  status: 'healthy' | 'degraded' | 'unhealthy';
  services: { name: string; status: 'healthy' | 'unhealthy'; required: boolean }[];
  checked_at: string;
}

/** Asks every service, at once; an answer is given to everyone who asks within the next seconds. */
export function createDependencyHealth({ dependencies, clock, wait }: DependencyDeps): () => Promise<DependencyHealth> {
  let known: { until: number; health: DependencyHealth } | undefined;

  async function works({ check }: Dependency): Promise<boolean> {
    const late = wait(PATIENCE).then(() => false);
    return Promise.race([check().catch(() => false), late]);
  }

  return async () => {
    const askedAt = clock();
    if (known && askedAt.getTime() < known.until) return known.health;
    const services = await Promise.all(
      dependencies.map(async (dependency) => {
        const { name, required } = dependency;
        return { name, required, status: (await works(dependency)) ? ('healthy' as const) : ('unhealthy' as const) };
      }),
    );
    const down = services.filter(({ status }) => status === 'unhealthy');
    const status = down.some(({ required }) => required) ? 'unhealthy' : down.length > 0 ? 'degraded' : 'healthy';
    const health: DependencyHealth = { status, services, checked_at: rfc3339(askedAt) };
    known = { until: askedAt.getTime() + FRESH_FOR, health };
    return health;
  };
}
