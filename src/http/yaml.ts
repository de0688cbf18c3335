import { parseDocument, stringify } from 'yaml';
import { AppError } from '../kernel/errors.ts';

/**
 * Reads one YAML 1.2 document as the value that it is in JSON. No tags but those of the core schema, no key twice, and no
 * aliases: a few of them inside each other stand for more than any memory holds.
 * @param what it is called in the refusal
 * @throws AppError `bad_request`, telling the line
 */
export function parseYaml(text: string, what = 'body'): unknown {
  try {
    const document = parseDocument(text, { schema: 'core', merge: false, uniqueKeys: true, stringKeys: true });
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault) throw fault;
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    // Also a RangeError, of a document that nests deeper than the stack reaches, and a ReferenceError, of an alias.
    throw new AppError('bad_request', `The ${what} is not YAML that can be read: ${reasonOf(error)}`);
  }
}

/** Without aliases, which the reader refuses. */
export const writeYaml = (value: unknown): string => stringify(value, { aliasDuplicateObjects: false });

/** The first line of what the parser says, which quotes no more of the text than a word. */
const reasonOf = (error: unknown): string => {
  if (error instanceof ReferenceError) return 'it must not have aliases';
  if (error instanceof RangeError) return 'it nests too deep';
  return error instanceof Error ? (error.message.split('\n')[0] ?? '').replace(/:$/, '') : 'it has a fault';
};
