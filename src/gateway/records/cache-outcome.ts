export const CACHE_OUTCOMES = ['hit', 'stale', 'revalidated', 'expired', 'miss', 'collapsed', 'bypass'] as const;

/**
 * What the cache did with a call: `hit` and `stale` were answered by it, `revalidated` after the upstream had confirmed what
 * was stored, `collapsed` with what another call fetched at the same time; `expired`, `miss` and `bypass` by the upstream.
 */
export type CacheOutcome = (typeof CACHE_OUTCOMES)[number];

/** Reads our member of `Cache-Status` (RFC 9211), which is the last one. */
export function cacheOutcome(field: string | null): CacheOutcome | null {
  const at = field?.lastIndexOf('weir;') ?? -1;
  if (field === null || at < 0) return null;
  const ours = field.slice(at);
  if (ours.includes('; collapsed')) return 'collapsed';
  const isStale = ours.includes('; ttl=-');
  if (ours.includes('; hit')) return isStale ? 'stale' : 'hit';
  if (ours.includes('; fwd=uri-miss') || ours.includes('; fwd=vary-miss')) return 'miss';
  const wantedNewer = ours.includes('; fwd=request');
  if (!wantedNewer && !ours.includes('; fwd=stale')) return 'bypass';
  if (ours.includes('; fwd-status=304')) return 'revalidated';
  // Served although the upstream failed, since `stale-if-error` held: a fresh one too, where its caller wanted it newer.
  if (wantedNewer) return ours.includes('; detail=stale-if-error') ? 'hit' : 'bypass';
  return isStale ? 'stale' : 'expired';
}
