/** How many values a list may have. */
const MAX_OPERANDS = 100;

type OperandList = { ok: true; items: string[] } | { ok: false; message: string };

/**
 * Reads the operand of `in`, `not_in` and `between`: text that starts with `[` is a JSON array of strings and numbers, anything else is
 * separated by commas, with blanks around an item dropped. So an item that holds a comma is written in JSON.
 */
export function parseOperandList(text: string): OperandList {
  const items = text.trimStart().startsWith('[') ? jsonItems(text) : separatedItems(text);
  if (!items)
    return { ok: false, message: 'must be a JSON array of strings and numbers, or items separated by commas' };
  if (items.length === 0) return { ok: false, message: 'must list at least one item' };
  if (items.length > MAX_OPERANDS) return { ok: false, message: `must list at most ${MAX_OPERANDS} items` };
  return { ok: true, items };
}

function separatedItems(text: string): string[] | undefined {
  const items = text.split(',').map((item) => item.trim());
  return items.includes('') ? undefined : items;
}

/** A string literal of JSON (so that what is inside it is passed over), or a token that starts like a number. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Numbers become strings before parsing: as JavaScript numbers, those of 256 bits would lose their last digits. */
function jsonItems(text: string): string[] | undefined {
  const quoted = text.replace(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`));
  let parsed: unknown;
  try {
    parsed = JSON.parse(quoted);
  } catch {
    return undefined;
  }
  return Array.isArray(parsed) && parsed.every((item) => typeof item === 'string') ? parsed : undefined;
}
