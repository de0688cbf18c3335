import type { BodyMap } from '../compiled.ts';
import { compileExpression } from './evaluate.ts';
import { readExpression } from './expression.ts';
import { type Json, JsonTooLarge, parseJson, writeJson } from './json.ts';
import { MAX_STEPS, MappingFault } from './machine.ts';
import { compileMask } from './mask.ts';

/** Why a body could not be changed. Nothing of it holds what the body says. */
export interface BodyFault {
  ok: false;
  reason: 'not_json' | 'too_large' | 'not_mappable';
  message: string;
}

/** What is done to a JSON body as a whole: mapped, then masked. Any other body streams past a map, and not past a mask. */
export interface JsonChange {
  /** Of the body as it comes, decoded; also how many characters what is made of it may have. */
  maxBytes: number;
  /** Whether there is a map: only an answer of success has the form that a map is written for. */
  maps: boolean;
  /** Whether something is hidden, which no other body may show either. */
  masks: boolean;
  /** @param mapping `false`: only what is masked is changed */
  apply(text: string, mapping: boolean): { ok: true; text: string } | BodyFault;
}

/** How large a body may be of which only fields are masked. It is held in memory, several times over. */
const MAX_MASKED_BYTES = 4 * 1024 * 1024;

const fault = (reason: BodyFault['reason'], message: string): BodyFault => ({ ok: false, reason, message });

/** @throws Error when a published expression is none */
function compileMap(expression: string): (value: Json) => Json {
  const read = readExpression(expression);
  if (!read.ok) throw new Error(`a published expression ${read.fault}`);
  const evaluate = compileExpression(read.node);
  return (value) => evaluate(value, { root: value, steps: MAX_STEPS });
}

function faultOf(error: unknown): BodyFault {
  if (error instanceof MappingFault) return fault('not_mappable', error.message);
  if (error instanceof JsonTooLarge) return fault('too_large', 'what the mapping makes is too large');
  // What is nested deeper than the stack reaches; nothing of the evaluation is kept, so that it ends here.
  if (error instanceof RangeError) return fault('not_json', 'the body is nested too deep');
  throw error;
}

/** The change of a JSON body, made once; nothing where neither a map nor a mask is declared. */
export function compileJsonChange(map: BodyMap | null, mask: readonly string[]): JsonChange | null {
  if (map === null && mask.length === 0) return null;
  const mapped = map === null ? undefined : compileMap(map.expression);
  const masked = mask.length === 0 ? undefined : compileMask(mask);
  const maxBytes = map?.maxBytes ?? MAX_MASKED_BYTES;
  return {
    maxBytes,
    maps: mapped !== undefined,
    masks: masked !== undefined,
    apply: (text, mapping) => {
      let value: Json;
      try {
        value = parseJson(text);
      } catch {
        return fault('not_json', 'the body is not JSON');
      }
      try {
        if (mapped && mapping) value = mapped(value);
        if (masked) value = masked(value);
        return { ok: true, text: writeJson(value, { left: maxBytes }) };
      } catch (error) {
        return faultOf(error);
      }
    },
  };
}
