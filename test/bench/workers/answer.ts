/** What every line of the comparison answers with, whatever stands before it. */
export const ANSWER = { ok: true, message: 'the quick brown fox jumps over the lazy dog' } as const;

/** Where. */
export const PATH = '/answer';

/** Weir's fields of a limit, with nothing behind them. */
export const QUOTA_FIELDS = {
  'X-RateLimit-Limit': '1000000',
  'X-RateLimit-Remaining': '999999',
  'X-RateLimit-Reset': '1795327265',
  'X-RateLimit-Window': '3600',
  'RateLimit-Policy': '"hour";q=1000000;w=3600',
  RateLimit: '"hour";r=999999;t=3600',
};
