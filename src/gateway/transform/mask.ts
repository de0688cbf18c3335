import { isExact, type Json } from './json.ts';

/** What stands where something is hidden. */
const HIDDEN = '***';

/** Reads a JSON pointer (RFC 6901 §3) as its members' names; nothing for a text that is none. `*` is any member. */
export function readPointer(pointer: string): readonly string[] | undefined {
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A tree of names, so that many pointers are one walk. */
interface Masked {
  /** What this name stands for is hidden as a whole. */
  hidden: boolean;
  members: Map<string, Masked>;
}

const node = (): Masked => ({ hidden: false, members: new Map() });

function treeOf(pointers: readonly string[]): Masked {
  const root = node();
  for (const pointer of pointers) {
    let at = root;
    for (const name of readPointer(pointer) ?? []) {
      const next = at.members.get(name) ?? node();
      at.members.set(name, next);
      at = next;
    }
    at.hidden = true;
  }
  return root;
}

/** Several masks that hold for one member. */
function maskMember(masks: readonly Masked[], name: string): Masked[] {
  return masks.flatMap(({ members }) => {
    const exact = members.get(name);
    const any = members.get('*');
    return [...(exact ? [exact] : []), ...(any && any !== exact ? [any] : [])];
  });
}

function masked(value: Json, masks: readonly Masked[]): Json {
  if (masks.length === 0) return value;
  if (masks.some(({ hidden }) => hidden)) return HIDDEN;
  if (value === null || typeof value !== 'object' || isExact(value)) return value;
  if (Array.isArray(value)) return value.map((item: Json, index) => masked(item, maskMember(masks, String(index))));
  // `fromEntries` defines members: one called `__proto__` stays a member.
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, maskMember(masks, name))]));
}

/** Hides what the pointers name; a copy where something is on their way, the same value elsewhere. */
export function compileMask(pointers: readonly string[]): (value: Json) => Json {
  const root = [treeOf(pointers)];
  return (value) => masked(value, root);
}
