/**
 * 53 bits of hash, which a double holds exactly: two lanes of FNV-1a over UTF-16 units, with the finalizer of MurmurHash3.
 * Not for secrets: whoever wants to can find texts that collide.
 * @param seed 32 bits: another function for each
 */
export function hash53(text: string, seed = 0): number {
  let low = 0x811c9dc5 ^ seed;
  let high = 0x9747b28c ^ seed;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  return (finish(high) & 0x1fffff) * 0x1_0000_0000 + (finish(low ^ high) >>> 0);
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
