/** What every line of the comparison answers with, whatever stands before it. */
export const ANSWER = { ok: true, message: 'the quick brown fox jumps over the lazy dog' } as const;

/** Where. */
export const PATH = '/answer';
