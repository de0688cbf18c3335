import type { CallWindow } from '../breaker/window.ts';
import type { CompiledApi } from '../compiled.ts';
import type { Counts, Report } from './protocol.ts';

/** What one isolate knows. It is lost with the isolate; what others must know, the object has. */

export interface UpstreamCell {
  id: string;
  url: string;
  /** Calls that have no answer yet. */
  pending: number;
  /** Of this isolate's calls; made with the first one. */
  window: CallWindow | undefined;
  failuresInARow: number;
  /** By this isolate's own window it is open until then; 0: it is not. */
  openUntil: number;
  /** The breaker as all share it, and when an open one lets probes through. */
  shared: 'closed' | 'open' | 'half_open';
  sharedUntil: number;
  /** Counts the changes of either: calls that began before say nothing afterwards. */
  generation: number;
  unhealthy: boolean;
  refused: boolean;
  /** 0: it is not ejected. */
  ejectedUntil: number;
  /** When it came back from being open, unhealthy or ejected; 0: never. */
  backSince: number;
  /** Probes to make, until a moment. */
  permits: { permitId: string; until: number }[];
  /** Calls that would have gone to it since the object was last asked. */
  wanted: number;
  /** What the object was not told yet, and when the last of it was seen. */
  counts: Counts | undefined;
  countedAt: number;
}

export interface ApiCell {
  organizationId: string;
  apiId: string;
  /** The newest form of the API that was met. */
  newest: CompiledApi;
  upstreams: Map<string, UpstreamCell>;
  /** Counts what may change who takes calls. */
  changes: number;
  usedAt: number;
  forgotten: boolean;
  /** When the object is to be told and asked next. */
  nextAt: number;
  /** When it is to be asked for probes next. */
  askAgainAt: number;
  /** Until then an exchange is waited for; 0: none is under way. */
  askingUntil: number;
  asking: Promise<void>;
  /** Something came up meanwhile that the object is to hear of at once. */
  again: boolean;
  /** Counts exchanges: a late answer is none. */
  turn: number;
  /** Since when the object cannot be asked; 0: it can. */
  failingSince: number;
  /** The object is to be told of the pools. */
  tellSettings: boolean;
  /** Probes that came back and that the object may not know of. */
  results: Report['results'][number][];
}

export const newUpstreamCell = (id: string, url: string): UpstreamCell => ({
  ...{ id, url, pending: 0, window: undefined, failuresInARow: 0, openUntil: 0, shared: 'closed', sharedUntil: 0 },
  ...{ generation: 0, unhealthy: false, refused: false, ejectedUntil: 0, backSince: 0, permits: [], wanted: 0 },
  ...{ counts: undefined, countedAt: 0 },
});

export const newApiCell = (api: CompiledApi): ApiCell => ({
  ...{ organizationId: api.organizationId, apiId: api.id, newest: api, upstreams: new Map(), changes: 0, usedAt: 0 },
  ...{ forgotten: false, nextAt: 0, askAgainAt: 0, askingUntil: 0, asking: Promise.resolve(), again: false },
  ...{ turn: 0, failingSince: 0, tellSettings: false, results: [] },
});

export const isOpen = ({ openUntil, shared }: UpstreamCell) => openUntil > 0 || shared !== 'closed';

/** When the object may have a probe for it. */
export const dueAt = ({ openUntil, shared, sharedUntil }: UpstreamCell) =>
  Math.max(openUntil, shared === 'open' ? sharedUntil : 0);

/** How long the object may be silent until what it last said is no longer gone by. */
const LONELY_AFTER = 30_000;

export const isLonely = ({ failingSince }: ApiCell, now: number) =>
  failingSince > 0 && now - failingSince >= LONELY_AFTER;

/** Open here alone: by the calls of all it is closed, so that the object has no probes to give. */
export const isOwnAffair = ({ failingSince }: ApiCell, { shared }: UpstreamCell) =>
  failingSince === 0 && shared === 'closed';

/** Of a probe that this isolate gave itself, because nobody else could be asked or is concerned. */
export const OWN_PERMIT = '';
