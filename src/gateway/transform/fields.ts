import type { HeaderFields } from '../../http/header-fields.ts';
import { inHeader, inUrl } from '../../kernel/escape.ts';
import type { FieldChange } from '../compiled.ts';
import type { CallFacts } from './names.ts';
import { nameOf } from './query.ts';
import { compileTemplate } from './template.ts';

export type ChangeHeaders = (headers: HeaderFields, facts: CallFacts) => void;

/** From the query to the query, both without a question mark. */
export type ChangeQuery = (search: string, facts: CallFacts) => string;

function headerChange(change: FieldChange): ChangeHeaders {
  const name = change.name.toLowerCase();
  switch (change.do) {
    case 'remove':
      return (headers) => headers.delete(name);
    case 'rename': {
      const to = change.value.toLowerCase();
      return (headers) => {
        const value = headers.get(name);
        if (value === null) return;
        headers.delete(name);
        headers.set(to, value);
      };
    }
    case 'set':
    case 'add': {
      const render = compileTemplate(change.value, inHeader);
      const replaces = change.do === 'set';
      return (headers, facts) => {
        const value = render(facts).trim();
        if (replaces) headers.delete(name);
        // Nothing to say is not said: an empty field where an identity is expected reads as one with no name.
        if (value !== '') headers.append(name, value);
      };
    }
  }
}

/** All changes of header fields as one function; nothing where there are none. They hold in the order written. */
export function compileHeaders(changes: readonly FieldChange[]): ChangeHeaders | null {
  if (changes.length === 0) return null;
  const steps = changes.map(headerChange);
  return (headers, facts) => {
    for (const step of steps) step(headers, facts);
  };
}

type ChangePieces = (pieces: string[], facts: CallFacts) => string[];

function queryChange({ do: verb, name, value }: FieldChange): ChangePieces {
  const encoded = inUrl(name, 0);
  switch (verb) {
    case 'remove':
      return (pieces) => pieces.filter((piece) => nameOf(piece) !== name);
    case 'rename': {
      const to = inUrl(value, 0);
      return (pieces) =>
        pieces.map((piece) => {
          if (nameOf(piece) !== name) return piece;
          const equals = piece.indexOf('=');
          return equals === -1 ? to : to + piece.slice(equals);
        });
    }
    case 'add': {
      const render = compileTemplate(value, inUrl);
      return (pieces, facts) => [...pieces, `${encoded}=${render(facts)}`];
    }
    case 'set': {
      const render = compileTemplate(value, inUrl);
      return (pieces, facts) => {
        const piece = `${encoded}=${render(facts)}`;
        const at = pieces.findIndex((one) => nameOf(one) === name);
        const others = pieces.filter((one) => nameOf(one) !== name);
        // Where the first one stood all before it were others.
        return others.toSpliced(at === -1 ? others.length : at, 0, piece);
      };
    }
  }
}

/** All changes of the query as one function; nothing where there are none. */
export function compileQuery(changes: readonly FieldChange[]): ChangeQuery | null {
  if (changes.length === 0) return null;
  const steps = changes.map(queryChange);
  return (search, facts) => {
    let pieces = search.split('&').filter((piece) => piece !== '');
    for (const step of steps) pieces = step(pieces, facts);
    return pieces.join('&');
  };
}
