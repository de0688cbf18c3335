import { RE2JS } from 're2js';
import type { Work } from './predicate.ts';

/**
 * Regular expressions of users run over text of strangers, so they run on automata: RE2's syntax has neither back-references
 * nor look-around, and a search takes time in proportion to the text (https://github.com/google/re2/wiki/Syntax). The factor
 * is the size of the program, so that is bounded too: a short pattern such as `(\w{1,30}){30}` can be a long program.
 */
const LONGEST_PATTERN = 256;
const LARGEST_PROGRAM = 80;

/** How much of a text is searched, in UTF-16 units. What stands behind that is as if it were not there. */
const SEARCHED = 1_024;

/** Compiled patterns, the least recently used leaving first. A program of the largest size takes some 16 KB. */
const KEPT = 128;
const compiled = new Map<string, RE2JS>();

function compile(pattern: string, caseSensitive: boolean): RE2JS {
  const key = `${caseSensitive ? 's' : 'i'}${pattern}`;
  const known = compiled.get(key);
  compiled.delete(key);
  const program = known ?? RE2JS.compile(pattern, caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
  compiled.set(key, program);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= KEPT) break;
    compiled.delete(oldest);
  }
  return program;
}

/** What is wrong with a pattern; nothing when it can be searched for. */
export function checkPattern(pattern: string, caseSensitive: boolean): string | undefined {
  if (pattern.length > LONGEST_PATTERN) return `must be at most ${LONGEST_PATTERN} characters long`;
  try {
    const size = compile(pattern, caseSensitive).programSize();
    if (size <= LARGEST_PROGRAM) return undefined;
    return `is too complex a pattern: its size is ${size} of ${LARGEST_PROGRAM}; repeat less`;
  } catch (error) {
    // Its messages are about the pattern alone, which is the caller's own.
    const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : String(error);
    return `is not a regular expression in RE2's syntax: ${reason}`;
  }
}

/**
 * Whether the pattern is found anywhere in the text. Searches by `find`, whose memory is bounded by the program; `test`
 * would build an automaton of up to 8 MB for each pattern.
 */
export function searchPattern(
  { pattern, caseSensitive }: { pattern: string; caseSensitive: boolean },
  text: string,
  work?: Work,
): boolean {
  const program = compile(pattern, caseSensitive);
  const searched = text.slice(0, SEARCHED);
  if (work) work.spent += program.programSize() * (searched.length + 1);
  return program.matcher(searched).find();
}
