import { sha256Hex, utf8 } from '../../kernel/crypto.ts';
import { type AuditContent, auditText } from './content.ts';

const MAX_FIELD_BYTES = 2 * 1024;
const MAX_CONTENT_BYTES = 16 * 1024;

/** What stands for a value that is too large: enough to tell whether a value known from elsewhere was that one. */
interface Digest {
  /** Of the value's JSON, in hex. */
  sha256: string;
  bytes: number;
}

function digestOf(json: string): Digest {
  return { sha256: sha256Hex(json), bytes: utf8(json).length };
}

async function boundedField(value: unknown): Promise<unknown> {
  const json: string | undefined = JSON.stringify(value);
  return json !== undefined && utf8(json).length > MAX_FIELD_BYTES ? digestOf(json) : value;
}

async function boundedFields(state: object | null): Promise<object | null> {
  if (state === null) return null;
  const fields = Object.entries(state).map(async ([name, value]) => [name, await boundedField(value)] as const);
  return Object.fromEntries(await Promise.all(fields));
}

const wholeDigest = async (state: object | null) => (state === null ? null : digestOf(JSON.stringify(state)));

/**
 * The content with digests for the fields of `before` and `after` that are large, or for both of them whole where that
 * is not enough: rows are never deleted, and are read by the hundred.
 */
export async function boundedContent(content: AuditContent): Promise<AuditContent> {
  const { before, after } = content;
  const bounded = { ...content, before: await boundedFields(before), after: await boundedFields(after) };
  if (utf8(auditText(bounded)).length <= MAX_CONTENT_BYTES) return bounded;
  return { ...content, before: await wholeDigest(before), after: await wholeDigest(after) };
}
