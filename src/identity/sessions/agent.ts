const MAX_LENGTH = 256;

/** A `User-Agent` field as it is kept and shown: one line of well-formed text, not too long. */
export function shownAgent(field: string): string | null {
  const line = field.toWellFormed().replaceAll(/\p{Cc}/gu, '');
  return [...line].slice(0, MAX_LENGTH).join('') || null;
}
