/** How an upstream of a pool stands at a moment. */
export interface Standing {
  /** The organization has shown that the host is its own, its address is one that may be called, and it has a weight. */
  allowed: boolean;
  backup: boolean;
  /** The breaker is open or half open. */
  open: boolean;
  /** Health checks say that it is down. */
  unhealthy: boolean;
  /** Taken out for its failures in a row. */
  ejected: boolean;
}

/**
 * Those that take the calls now: the primaries that can; else the backups that can; else, in a panic, whoever is not behind
 * an open breaker, primaries first.
 *
 * A panic rather than a refusal, as Envoy decides it (its `healthy_panic_threshold`; here at 0 %): a health check asks one
 * path from one place, and may fail where calls do not, because the path was moved, is guarded, or limits who asks. If it
 * were trusted against everybody, a mistake in it would be an outage. Where calls do fail, the breaker, which judges
 * them themselves, closes the door.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold
 */
export function thoseWhoServe<M extends { standing: Standing }>(members: readonly M[]): readonly M[] {
  const notOpen = members.filter(({ standing }) => standing.allowed && !standing.open);
  const able = notOpen.filter(({ standing }) => !standing.unhealthy && !standing.ejected);
  const [primaries, backups] = [able.filter(isPrimary), able.filter(isBackup)];
  if (primaries.length > 0) return primaries;
  if (backups.length > 0) return backups;
  const last = notOpen.filter(isPrimary);
  return last.length > 0 ? last : notOpen;
}

const isBackup = ({ standing }: { standing: Standing }) => standing.backup;
const isPrimary = ({ standing }: { standing: Standing }) => !standing.backup;

/** The least part of its weight that one gets that has just come back: without calls nothing would be learnt of it. */
const LEAST_PART = 0.1;

/** Which part of its weight an upstream gets so long after it came back. */
export const partOfWeight = (backForMs: number, slowStartMs: number): number =>
  backForMs >= slowStartMs ? 1 : Math.max(LEAST_PART, backForMs / slowStartMs);
