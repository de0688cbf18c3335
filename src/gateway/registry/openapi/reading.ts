import type * as z from 'zod';
import { AppError, type ErrorDetail } from '../../../kernel/errors.ts';
import { at, isObject, type Json, lookUp } from './pointer.ts';

const MAX_TOLD = 50;
const MAX_HOPS = 8;

/** A document while it is read. */
export interface Reading {
  root: Json;
  /** Makes the import fail. `pointer` is a JSON pointer. */
  fault(pointer: string, message: string): void;
  /** What was left out or changed, which does not. */
  warn(pointer: string, message: string): void;
  readonly warnings: readonly ErrorDetail[];
  /** Follows references inside the document; nothing, and a fault, where that leads nowhere. */
  resolve(value: unknown, pointer: string): { value: unknown; pointer: string } | undefined;
  /** The value as the shape has it; nothing, and faults, where it is something else. */
  shaped<S extends z.ZodType>(shape: S, value: unknown, pointer: string): z.output<S> | undefined;
  /** @throws AppError `validation_failed` naming every fault */
  refuse(): void;
}

export const REMOTE = 'refers to another document; only references inside of this one are followed';
export const NOWHERE = 'refers to nothing in this document';

export function createReading(root: Json): Reading {
  const faults: ErrorDetail[] = [];
  const warnings: ErrorDetail[] = [];
  const told = (list: ErrorDetail[]) => (path: string, message: string) => {
    if (list.length < MAX_TOLD) list.push({ path, message });
  };
  const fault = told(faults);
  return {
    root,
    fault,
    warn: told(warnings),
    warnings,
    resolve(value, pointer) {
      let found = { value, pointer };
      for (let hops = 0; hops < MAX_HOPS; hops += 1) {
        const reference = isObject(found.value) ? found.value['$ref'] : undefined;
        if (typeof reference !== 'string') return found;
        const next = reference.startsWith('#') ? lookUp(root, reference) : undefined;
        if (!next) {
          fault(at(found.pointer, '$ref'), reference.startsWith('#') ? NOWHERE : REMOTE);
          return undefined;
        }
        found = next;
      }
      fault(at(pointer, '$ref'), `leads to more than ${MAX_HOPS} references, one after another`);
      return undefined;
    },
    shaped(shape, value, pointer) {
      const { success, data, error } = shape.safeParse(value);
      if (success) return data;
      for (const { path, message } of error.issues) fault(at(pointer, ...path.map(String)), message);
      return undefined;
    },
    refuse() {
      if (faults.length === 0) return;
      throw new AppError('validation_failed', 'The OpenAPI document cannot be imported', { details: faults });
    },
  };
}
