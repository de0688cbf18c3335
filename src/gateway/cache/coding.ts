/**
 * Which content codings a client takes, as one of four classes. The class is part of every key and is what the origin
 * is asked for, so an answer in gzip cannot reach a client that takes none, and the many spellings of Accept-Encoding
 * do not make as many copies.
 */
export type CodingClass = 'all' | 'gzip' | 'br' | 'identity';

/** What the origin is asked for. */
export const ASK_FOR: Record<CodingClass, string> = {
  all: 'gzip, br',
  gzip: 'gzip',
  br: 'br',
  identity: 'identity',
};

/** Bounded: at most 256 spellings; the spelling of a browser is one of a handful. */
const known = new Map<string, CodingClass>();

/** RFC 9110 §12.5.3. No field means no preference; a plain answer suits everybody then, and is all a simple client reads. */
export function codingClass(acceptEncoding: string | null): CodingClass {
  if (acceptEncoding === null) return 'identity';
  const before = known.get(acceptEncoding);
  if (before !== undefined) return before;
  const weights = parseWeights(acceptEncoding);
  const takes = (coding: string) => (weights.get(coding) ?? weights.get('*') ?? 0) > 0;
  const gzip = takes('gzip') || (weights.get('x-gzip') ?? 0) > 0;
  const br = takes('br');
  const found: CodingClass = gzip ? (br ? 'all' : 'gzip') : br ? 'br' : 'identity';
  if (known.size >= 256) known.clear();
  known.set(acceptEncoding, found);
  return found;
}

function parseWeights(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const member of field.toLowerCase().split(',', 32)) {
    const [coding = '', ...parameters] = member.split(';').map((part) => part.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    weights.set(coding, Number.isFinite(weight) ? weight : 0);
  }
  return weights;
}

/** Whether a body in this coding can be read by every client of the class. Codings in a row are taken by none. */
export function acceptsCoding(accepted: CodingClass, contentEncoding: string | null): boolean {
  const coding = contentEncoding?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') return true;
  if (coding === 'gzip' || coding === 'x-gzip') return accepted === 'all' || accepted === 'gzip';
  return coding === 'br' && (accepted === 'all' || accepted === 'br');
}
