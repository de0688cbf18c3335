import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(encoder.encode(text));

export const randomBytes = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Decodes standard base64 (RFC 4648 §4). Throws on any other character. */
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

export const toBase64Url = (bytes: Uint8Array) =>
  toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/**
 * SHA-256 of a text's UTF-8, for short texts: in plain JavaScript these cost a quarter of what a call into the platform
 * does, and WebCrypto's digest comes with a promise besides.
 */
export function sha256Hex(text: string): string {
  const { read, written } = encoder.encodeInto(text, scratch);
  blank._cloneInto(hasher);
  hasher.update(read === text.length ? scratch.subarray(0, written) : utf8(text)).digestInto(digest);
  scratch.fill(0, 0, written);
  return bytesToHex(digest);
}

/** Used again and again: making and freeing these takes as long as the hash of a short text. */
const hasher = sha256.create();
const blank = sha256.create();
const digest = new Uint8Array(sha256.outputLen);
const scratch = new Uint8Array(256);

export async function hmacSha256(key: Uint8Array<ArrayBuffer>, message: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, utf8(message)));
}

/** Key-encryption keys by id; `current` encrypts, all of them decrypt, so keys rotate without a rewrite of the data. */
export interface KeyRing {
  current: string;
  keys: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const IV_BYTES = 12;

const importAes = (key: Uint8Array<ArrayBuffer>) =>
  crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);

/**
 * Encrypts a secret at rest with AES-256-GCM. Result: `<key id>.<base64 of iv and ciphertext>`.
 * `context` (what the secret belongs to) is authenticated, so that a ciphertext moved to another row does not decrypt.
 */
export async function seal(ring: KeyRing, plaintext: string, context: string): Promise<string> {
  const key = ring.keys.get(ring.current);
  if (!key) throw new Error(`no encryption key with id ${ring.current}`);
  const iv = randomBytes(IV_BYTES);
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: utf8(context) },
    await importAes(key),
    utf8(plaintext),
  );
  const packed = new Uint8Array(IV_BYTES + sealed.byteLength);
  packed.set(iv);
  packed.set(new Uint8Array(sealed), IV_BYTES);
  return `${ring.current}.${toBase64(packed)}`;
}

/** Opens what `seal` made. Throws when the key is gone, the text was changed, or `context` differs. */
export async function open(ring: KeyRing, sealed: string, context: string): Promise<string> {
  const dot = sealed.indexOf('.');
  const keyId = sealed.slice(0, dot);
  const key = ring.keys.get(keyId);
  if (!key) throw new Error(`no encryption key with id ${keyId}`);
  const packed = fromBase64(sealed.slice(dot + 1));
  const plaintext = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: packed.subarray(0, IV_BYTES), additionalData: utf8(context) },
    await importAes(key),
    packed.subarray(IV_BYTES),
  );
  return decoder.decode(plaintext);
}
