/** First and last byte, both included. */
export interface ByteRange {
  first: number;
  last: number;
}

const ONE_RANGE = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i;

/**
 * One range of a body (RFC 9110 §14.1.2). `ignored`: another unit, several ranges or a malformed field, for which a
 * server may send the whole (§14.2). `unsatisfiable`: 416.
 */
export function readRange(field: string, length: number): ByteRange | 'ignored' | 'unsatisfiable' {
  const match = ONE_RANGE.exec(field);
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return 'ignored';
  if (from === '') {
    const suffix = Math.min(Number(to), length);
    return suffix === 0 ? 'unsatisfiable' : { first: length - suffix, last: length - 1 };
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return 'ignored';
  if (first >= length) return 'unsatisfiable';
  return { first, last: to === '' ? length - 1 : Math.min(Number(to), length - 1) };
}
