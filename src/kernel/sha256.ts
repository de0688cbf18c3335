/**
 * SHA-256 of a short ASCII text (FIPS 180-4), at once and by itself: for the key of every request, where WebCrypto's
 * digest takes twice as long, most of it for what surrounds it (the bytes, the buffers and the promise). Anything longer
 * than a few hundred characters is better left to `sha256Hex` of crypto.ts.
 */

const BLOCK = 64;
const ROUNDS = 64;

const firstPrimes = (count: number): number[] => {
  const primes: number[] = [];
  for (let number = 2; primes.length < count; number++) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes;
};

/** The first 32 bits of the fractional part (FIPS 180-4 §4.2.2 and §5.3.3), which a double has exactly enough of. */
const fraction = (value: number) => ((value - Math.floor(value)) * 2 ** 32) | 0;

const CONSTANTS = Int32Array.from(firstPrimes(ROUNDS), (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(firstPrimes(8), (prime) => fraction(Math.sqrt(prime)));

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Scratch space of one call, which nothing interrupts. */
const schedule = new Int32Array(ROUNDS);
const state = new Int32Array(START.length);

/** Lower-case hex. @throws RangeError when the text is not ASCII */
export function sha256HexOfAscii(text: string): string {
  state.set(START);
  // The end mark and the length have to fit in as well.
  const blocks = Math.ceil((text.length + 9) / BLOCK);
  for (let block = 0; block < blocks; block++) {
    readBlock(text, block * BLOCK);
    if (block === blocks - 1) schedule[15] = text.length * 8;
    compress();
  }
  let hex = '';
  for (let index = 0; index < state.length; index++) hex += hexOf(word(index));
  return hex;
}

function hexOf(number: number): string {
  return `${HEX[number >>> 24]}${HEX[(number >>> 16) & 255]}${HEX[(number >>> 8) & 255]}${HEX[number & 255]}`;
}

/** Sixteen big-endian words: the text, then a single 1 bit, then zeros. */
function readBlock(text: string, start: number): void {
  for (let word = 0; word < 16; word++) {
    const at = start + 4 * word;
    schedule[word] =
      (byteAt(text, at) << 24) | (byteAt(text, at + 1) << 16) | (byteAt(text, at + 2) << 8) | byteAt(text, at + 3);
  }
}

function byteAt(text: string, at: number): number {
  if (at >= text.length) return at === text.length ? 0x80 : 0;
  const code = text.charCodeAt(at);
  if (code > 0x7f) throw new RangeError('not an ASCII text');
  return code;
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function at(index: number): number {
  return schedule[index] ?? 0;
}

/** FIPS 180-4 §6.2.2. What is brought back to 32 bits at once stays a whole number for the machine. */
function compress(): void {
  for (let t = 16; t < ROUNDS; t++) {
    const near = at(t - 15);
    const far = at(t - 2);
    const small0 = rotate(near, 7) ^ rotate(near, 18) ^ (near >>> 3);
    const small1 = rotate(far, 17) ^ rotate(far, 19) ^ (far >>> 10);
    schedule[t] = (at(t - 16) + small0 + at(t - 7) + small1) | 0;
  }
  let a = word(0);
  let b = word(1);
  let c = word(2);
  let d = word(3);
  let e = word(4);
  let f = word(5);
  let g = word(6);
  let h = word(7);
  for (let t = 0; t < ROUNDS; t++) {
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const one = (h + big1 + ((e & f) ^ (~e & g)) + (CONSTANTS[t] ?? 0) + at(t)) | 0;
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const two = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  add(0, a);
  add(1, b);
  add(2, c);
  add(3, d);
  add(4, e);
  add(5, f);
  add(6, g);
  add(7, h);
}

function word(index: number): number {
  return state[index] ?? 0;
}

function add(index: number, more: number): void {
  state[index] = (word(index) + more) | 0;
}
