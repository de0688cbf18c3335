import { parseYaml } from '../../../http/yaml.ts';
import { AppError } from '../../../kernel/errors.ts';
import { isObject, type Json } from './pointer.ts';

/** What is read of an address. YAML becomes many times its size in memory. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const MAX_YAML = 1024 * 1024;

/**
 * A document as it was sent or fetched, in JSON or YAML.
 * @throws AppError `bad_request` for what cannot be read; `validation_failed` for what is no OpenAPI 3.0 or 3.1
 */
export function parseDocument(document: string | Json): Json {
  const root = typeof document === 'string' ? parse(document) : document;
  if (!isObject(root)) throw new AppError('bad_request', 'The document must be an object');
  const fault = versionFault(root);
  if (!fault) return root;
  throw new AppError('validation_failed', 'The OpenAPI document cannot be imported', { details: [fault] });
}

function parse(text: string): unknown {
  if (/^\uFEFF?\s*\{/.test(text)) {
    try {
      return JSON.parse(text.replace(/^\uFEFF/, ''));
    } catch {
      // YAML may begin with a brace too.
    }
  }
  if (text.length > MAX_YAML) throw new AppError('bad_request', 'A document of more than 1 MB must be JSON');
  return parseYaml(text, 'document');
}

function versionFault({ openapi, swagger }: Json) {
  if (swagger !== undefined) {
    return { path: '/swagger', message: 'Swagger 2.0 is not read; convert the document to OpenAPI 3 first' };
  }
  if (typeof openapi === 'string' && /^3\.[01]\.\d+/.test(openapi)) return undefined;
  return { path: '/openapi', message: 'must be 3.0 or 3.1' };
}
