const UTF8 = new TextEncoder();

/** Longest that a UTF-16 unit becomes in UTF-8. */
const MAX_BYTES_A_UNIT = 3;

/** Whether a message has more bytes than `limit`, as it was on the wire. A text is only measured where its length says too little. */
export function isLarger(message: string | ArrayBuffer, limit: number): boolean {
  if (typeof message !== 'string') return message.byteLength > limit;
  if (message.length > limit) return true;
  return message.length * MAX_BYTES_A_UNIT > limit && UTF8.encode(message).byteLength > limit;
}
