import { type MarkedPlace, type Markup, near, PLACE } from './markup.ts';

/** The tags that the Bot API knows, each with its attributes. https://core.telegram.org/bots/api#html-style */
const TAGS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...['b', 'strong', 'i', 'em', 'u', 'ins', 's', 'strike', 'del', 'tg-spoiler', 'pre'].map(
    (tag): [string, string[]] => [tag, []],
  ),
  ['a', ['href']],
  ['span', ['class']],
  ['code', ['class']],
  ['tg-emoji', ['emoji-id']],
  ['blockquote', ['expandable']],
]);

const TAG = /<(?<end>\/?)(?<name>[a-z][a-z-]*)(?<attributes>(?:\s+[a-z-]+(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))?)*)\s*>/iy;
const ATTRIBUTE = /\s+(?<name>[a-z-]+)(?:\s*=\s*(?:"(?<double>[^"]*)"|'(?<single>[^']*)'))?/giu;
const ENTITY = /&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-f]{1,6});/iy;

/**
 * Reads a source (see `sourceOf`) as the Bot API's HTML. What the API would refuse is a fault, and so is a place where no
 * value can be written safely: in a tag, but for the quoted address of a link.
 */
export function readHtml(source: string): Markup {
  const places: MarkedPlace[] = [];
  const open: string[] = [];
  let shown = 0;
  for (let at = 0; at < source.length; ) {
    const char = source[at];
    if (char === '<') {
      const tag = matchAt(TAG, source, at);
      if (!tag) return { ok: false, fault: `has a "<" that begins no tag, ${near(source, at)}; write &lt;` };
      const fault = readTag(tag, open, places);
      if (fault) return { ok: false, fault: `${fault}, ${near(source, at)}` };
      at += tag[0].length;
      continue;
    }
    if (char === PLACE) places.push({ surroundings: 'text' });
    const entity = char === '&' ? matchAt(ENTITY, source, at) : undefined;
    // A reference by number may be one of the characters that take two units.
    shown += char === PLACE ? 0 : entity?.[0].startsWith('&#') ? 2 : 1;
    at += entity?.[0].length ?? 1;
  }
  const left = open.at(-1);
  return left === undefined ? { ok: true, places, shown } : { ok: false, fault: `has a <${left}> that is not closed` };
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | undefined {
  const sticky = new RegExp(pattern);
  sticky.lastIndex = at;
  return sticky.exec(source) ?? undefined;
}

/** Takes a tag into account; answers what is wrong with it. */
function readTag({ groups = {} }: RegExpExecArray, open: string[], places: MarkedPlace[]): string | undefined {
  const name = groups['name']?.toLowerCase() ?? '';
  const known = TAGS.get(name);
  if (!known) return `has the tag <${name}>, which Telegram does not know`;
  if (groups['end']) {
    const expected = open.pop();
    return expected === name ? undefined : `closes <${name}> where <${expected ?? 'nothing'}> is open`;
  }
  open.push(name);
  for (const { groups: attribute = {} } of (groups['attributes'] ?? '').matchAll(ATTRIBUTE)) {
    const key = attribute['name']?.toLowerCase() ?? '';
    const value = attribute['double'] ?? attribute['single'] ?? '';
    if (!known.includes(key)) return `has the attribute ${key} in <${name}>, which Telegram does not know`;
    if (value.includes(PLACE) && key !== 'href')
      return `has a template in the attribute ${key}, where only text may stand`;
    for (let at = 0; at < value.length; at++) {
      if (value[at] === PLACE) places.push({ surroundings: at === 0 ? 'urlStart' : 'urlPart' });
    }
  }
  return undefined;
}
