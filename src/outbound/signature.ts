import { fromBase64, hmacSha256, randomBytes, toBase64 } from '../kernel/crypto.ts';

const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** A new signing secret: `whsec_` and 32 random bytes in base64. */
export const newSigningSecret = () => SECRET_PREFIX + toBase64(randomBytes(SECRET_BYTES));

export interface SignedMessage {
  /** The same over all attempts, so that a receiver can tell a repetition. */
  id: string;
  sentAt: Date;
  /** Exactly what is sent; empty when nothing is. */
  body: string;
}

/**
 * The headers by which a receiver knows who sent a message and that it was not changed: Standard Webhooks 1.0, an HMAC
 * over `id.timestamp.body`. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export async function signatureHeaders(
  secret: string,
  { id, sentAt, body }: SignedMessage,
): Promise<Record<string, string>> {
  const timestamp = Math.floor(sentAt.getTime() / 1000).toString();
  const key = fromBase64(secret.replace(SECRET_PREFIX, ''));
  const signature = toBase64(await hmacSha256(key, `${id}.${timestamp}.${body}`));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
