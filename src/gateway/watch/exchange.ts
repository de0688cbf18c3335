import { type ApiCell, isOpen, type UpstreamCell } from './cell.ts';
import { type Report, type ReportAnswer, type SharedStanding, settingsOf } from './protocol.ts';
import { changed } from './record.ts';

/** What to tell the object and ask of it. What was counted is told once; it may be lost, and is then no great loss. */
export function reportOf(cell: ApiCell, now: number): Report {
  const counts: Report['counts'][number][] = [];
  const wants: Report['wants'][number][] = [];
  for (const upstream of cell.upstreams.values()) {
    returnUnused(cell, upstream, now);
    if (upstream.counts) counts.push(upstream.counts);
    upstream.counts = undefined;
    if (upstream.wanted > 0) wants.push({ upstream: upstream.id, probes: upstream.wanted });
    upstream.wanted = 0;
  }
  const settings = cell.tellSettings ? { settings: settingsOf(cell.newest) } : {};
  return { revision: cell.newest.revision, ...settings, counts, wants, results: [...cell.results] };
}

/** Probes for which there was no call in time. */
function returnUnused(cell: ApiCell, upstream: UpstreamCell, now: number): void {
  if (upstream.permits.length === 0) return;
  for (const { permitId, until } of upstream.permits) {
    if (until <= now) cell.results.push({ upstream: upstream.id, permitId, result: 'unused' });
  }
  upstream.permits = upstream.permits.filter(({ until }) => until > now);
}

const AS_ONE_WOULD_WISH: Omit<SharedStanding, 'id'> = {
  ...{ breaker: 'closed', openForMs: 0, unhealthy: false, refused: false, ejectedForMs: 0, backForMs: null },
};

/** Takes in the answer to a question that was asked at `askedAt` with that report. */
export function absorb(cell: ApiCell, report: Report, answer: ReportAnswer, askedAt: number, now: number): void {
  const told = new Set(report.results.map(({ permitId }) => permitId));
  cell.results = cell.results.filter(({ permitId }) => !told.has(permitId));
  cell.failingSince = 0;
  cell.nextAt = now + answer.nextInMs;
  // A probe that came back may have made room for the next one.
  cell.askAgainAt = answer.permits.length > 0 || report.results.length > 0 ? now : cell.nextAt;
  cell.tellSettings = answer.revision < cell.newest.revision;
  // What it knows nothing of, it says nothing about.
  if (answer.revision === 0) return;
  const standings = new Map(answer.standings.map((standing) => [standing.id, standing]));
  for (const upstream of cell.upstreams.values()) {
    takeStanding(cell, upstream, standings.get(upstream.id) ?? AS_ONE_WOULD_WISH, now);
  }
  for (const { upstream, permitId, startWithinMs } of answer.permits) {
    cell.upstreams.get(upstream)?.permits.push({ permitId, until: askedAt + startWithinMs });
  }
}

function takeStanding(cell: ApiCell, upstream: UpstreamCell, standing: Omit<SharedStanding, 'id'>, now: number): void {
  const wasOpen = isOpen(upstream);
  upstream.shared = standing.breaker;
  upstream.sharedUntil = now + standing.openForMs;
  // What this isolate saw by itself holds until the object sees it too, or a call of its own goes well: that others' calls
  // do well says nothing of the way from here.
  if (standing.breaker !== 'closed') upstream.openUntil = 0;
  if (isOpen(upstream) !== wasOpen) {
    changed(cell, upstream);
    // They are from before the change.
    upstream.counts = undefined;
  }
  const ejectedUntil = Math.max(upstream.ejectedUntil, standing.ejectedForMs > 0 ? now + standing.ejectedForMs : 0);
  const backSince = standing.backForMs === null ? 0 : now - standing.backForMs;
  const { unhealthy, refused } = standing;
  const news = upstream.unhealthy !== unhealthy || upstream.refused !== refused || backSince !== upstream.backSince;
  if (news || ejectedUntil !== upstream.ejectedUntil) cell.changes += 1;
  Object.assign(upstream, { unhealthy, refused, ejectedUntil, backSince: Math.max(upstream.backSince, backSince) });
}
