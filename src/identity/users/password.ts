import wasm from '@phi-ag/argon2/argon2.wasm';
import { randomBytes, utf8 } from '../../kernel/crypto.ts';

/**
 * Argon2id (RFC 9106) by the reference implementation compiled to WebAssembly. Only its `.wasm` is used: the package's
 * own wrapper takes a string's UTF-16 length for its byte length and so ignores the end of non-ASCII passwords.
 * A password is hashed exactly as received, without Unicode normalization (OWASP ASVS V6.2.8).
 */
interface Cost {
  memoryKib: number;
  passes: number;
}

/** What OWASP asks for at least. */
const COST: Cost = { memoryKib: 19_456, passes: 2 };
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
const ARGON2ID = 2;
const VERSION_13 = 0x13;

interface Argon2 {
  memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  free(pointer: number): void;
  _initialize(): void;
  argon2_encodedlen(t: number, m: number, p: number, saltLength: number, tagLength: number, type: number): number;
  argon2_hash(
    t: number,
    m: number,
    p: number,
    password: number,
    passwordLength: number,
    salt: number,
    saltLength: number,
    tag: number,
    tagLength: number,
    encoded: number,
    encodedLength: number,
    type: number,
    version: number,
  ): number;
  argon2_verify(encoded: number, password: number, passwordLength: number, type: number): number;
}

/** One instance an isolate: its memory stays at about 20 MB, and hashing is synchronous anyway. */
let instance: Promise<Argon2> | undefined;

async function load(): Promise<Argon2> {
  const { exports } = await WebAssembly.instantiate(wasm);
  const argon2 = exports as unknown as Argon2; // the module's exports are untyped; the file is pinned by its version
  argon2._initialize();
  return argon2;
}

const argon2 = () => {
  instance ??= load();
  return instance;
};

/** Runs `work` with scratch memory that is wiped and freed afterwards. */
function withMemory<T>(module: Argon2, work: (place: (bytes: Uint8Array | number) => number) => T): T {
  const blocks: { pointer: number; length: number }[] = [];
  const view = (pointer: number, length: number) => new Uint8Array(module.memory.buffer, pointer, length);
  try {
    return work((bytes) => {
      const length = typeof bytes === 'number' ? bytes : bytes.length;
      const pointer = module.malloc(length + 1);
      if (pointer === 0) throw new Error('argon2: out of memory');
      blocks.push({ pointer, length: length + 1 });
      view(pointer, length + 1).fill(0);
      if (typeof bytes !== 'number') view(pointer, length).set(bytes);
      return pointer;
    });
  } finally {
    for (const { pointer, length } of blocks) {
      view(pointer, length).fill(0);
      module.free(pointer);
    }
  }
}

/** A PHC string: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`. Takes about 60 ms of the isolate's one thread. */
export async function hashPassword(password: string, { memoryKib, passes }: Cost = COST): Promise<string> {
  const module = await argon2();
  const bytes = utf8(password);
  const encodedLength = module.argon2_encodedlen(passes, memoryKib, LANES, SALT_BYTES, TAG_BYTES, ARGON2ID);
  return withMemory(module, (place) => {
    const secret = place(bytes);
    const salt = place(randomBytes(SALT_BYTES));
    const tag = place(TAG_BYTES);
    const encoded = place(encodedLength);
    const code = module.argon2_hash(
      ...([passes, memoryKib, LANES, secret, bytes.length, salt, SALT_BYTES] as const),
      ...([tag, TAG_BYTES, encoded, encodedLength, ARGON2ID, VERSION_13] as const),
    );
    if (code !== 0) throw new Error(`argon2: error ${code}`);
    return new TextDecoder().decode(new Uint8Array(module.memory.buffer, encoded, encodedLength - 1));
  });
}

export async function verifyPassword(hash: string, password: string): Promise<boolean> {
  const module = await argon2();
  const bytes = utf8(password);
  return withMemory(module, (place) => {
    const encoded = place(utf8(hash));
    return module.argon2_verify(encoded, place(bytes), bytes.length, ARGON2ID) === 0;
  });
}

/** Spends the time of a verification, so that an unknown account answers no sooner than a wrong password. */
export async function spendVerification(password: string): Promise<void> {
  await verifyPassword(DUMMY_HASH, password);
}

/** Of random bytes nobody kept, at today's cost. */
const DUMMY_HASH = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

const COST_OF_HASH = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$/;

/** Whether a hash was made at a lower cost than today's, and so should be made anew while the password is at hand. */
function isOutdated(hash: string): boolean {
  const [, memoryKib, passes] = COST_OF_HASH.exec(hash) ?? [];
  return Number(memoryKib ?? 0) < COST.memoryKib || Number(passes ?? 0) < COST.passes;
}

/** What signing in needs of password hashing, so that a test can count how often it is done. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** Without a hash it takes as long, and the answer is no. */
  verify(hash: string | undefined, password: string): Promise<boolean>;
  isOutdated(hash: string): boolean;
}

export const argon2id: Passwords = {
  hash: (password) => hashPassword(password),
  async verify(hash, password) {
    if (hash !== undefined) return verifyPassword(hash, password);
    await spendVerification(password);
    return false;
  },
  isOutdated,
};
