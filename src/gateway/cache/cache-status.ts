/** Why a request went to the origin (RFC 9211 §2.2). */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'request' | 'stale';

/** What the cache did. Absent parameters are not written; `ttl` is in whole seconds, negative when stale. */
export interface CacheReport {
  hit?: boolean;
  fwd?: Forwarded;
  fwdStatus?: number;
  ttl?: number;
  stored?: boolean;
  collapsed?: boolean;
  /** A token. */
  detail?: string;
}

/** Our member of `Cache-Status`: a structured field whose values are tokens and integers alone. */
export function formatReport(report: CacheReport): string {
  let text = 'weir';
  if (report.hit === true) text += '; hit';
  if (report.fwd !== undefined) text += `; fwd=${report.fwd}`;
  if (report.fwdStatus !== undefined) text += `; fwd-status=${report.fwdStatus}`;
  if (report.ttl !== undefined) text += `; ttl=${Math.floor(report.ttl)}`;
  if (report.stored === true) text += '; stored';
  if (report.collapsed === true) text += '; collapsed';
  if (report.detail !== undefined) text += `; detail=${report.detail}`;
  return text;
}
