import { createHash } from 'node:crypto';

/** As long as an address or hash; what is longer is told apart by a digest, so that a memory stays small. */
const LONGEST = 66;

export const shortText = (text: string): string =>
  text.length <= LONGEST ? text : `sha256:${createHash('sha256').update(text).digest('base64')}`;
