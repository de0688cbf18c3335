import type { Operation } from './operation.ts';

/** Methods that a path supports (RFC 9110 §10.2.1), upper-case; none where there is nothing at the path. */
export function methodsAt(operations: readonly Operation[], path: string): string[] {
  const found = operations.filter((op) => patternOf(op.path).test(path)).map((op) => op.method.toUpperCase());
  return [...new Set(found)].sort();
}

const patternOf = (path: string) =>
  new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')}$`);
