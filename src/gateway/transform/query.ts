/**
 * A query is changed piece by piece, as it was written: nothing that is not named is decoded, encoded anew or put into
 * another order, since an upstream may read it otherwise than `URLSearchParams` does, or have it signed.
 */

/** What a piece's name means: `%6e` is `n`, and `+` a space, as forms have it. A name that is not valid is taken as it is. */
export function nameOf(piece: string): string {
  const equals = piece.indexOf('=');
  const name = equals === -1 ? piece : piece.slice(0, equals);
  if (!/[%+]/.test(name)) return name;
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

/** A query without the pieces whose name is not kept. Empty pieces stay. */
export const keepPieces = (search: string, keep: (name: string) => boolean): string =>
  search
    .split('&')
    .filter((piece) => piece === '' || keep(nameOf(piece)))
    .join('&');

/** The value of the first piece of that name, decoded; nothing where there is none. */
export function firstValueOf(search: string, name: string): string | undefined {
  const piece = search.split('&').find((one) => one !== '' && nameOf(one) === name);
  if (piece === undefined) return undefined;
  const equals = piece.indexOf('=');
  const value = equals === -1 ? '' : piece.slice(equals + 1).replaceAll('+', ' ');
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** A query with more pieces behind it. */
export const addPieces = (search: string, pieces: readonly string[]): string =>
  pieces.length === 0 ? search : [...(search === '' ? [] : [search]), ...pieces].join('&');
