/** The beginning of a body as text; `complete` says whether that was all of it. */
export interface BodyStart {
  text: string;
  complete: boolean;
}

/**
 * Reads at most `maxBytes` of a body (counted after decompression) and drops the rest. A body that breaks off, or whose
 * request is aborted meanwhile, yields what had arrived. Bytes that are not UTF-8, and NUL, which PostgreSQL does not
 * store, become U+FFFD.
 */
export async function readStart(response: Response, maxBytes: number): Promise<BodyStart> {
  const reader = response.body?.getReader();
  if (!reader) return { text: '', complete: true };
  const decoder = new TextDecoder();
  let text = '';
  let left = maxBytes;
  let complete = false;
  try {
    while (left > 0 && !complete) {
      const { done, value } = await reader.read();
      complete = done;
      if (value) text += decoder.decode(value.subarray(0, left), { stream: true });
      left -= value?.byteLength ?? 0;
    }
  } catch {
    // The peer broke off: the part that arrived is the answer.
  }
  if (complete) text += decoder.decode();
  else await reader.cancel().catch(() => {});
  return { text: text.replaceAll('\0', '\uFFFD'), complete };
}
