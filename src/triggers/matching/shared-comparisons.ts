import type { Registry } from '../../chain/events.ts';
import { type Comparison, compileComparison } from './comparison.ts';
import type { CompiledComparison } from './predicate.ts';

/**
 * Comparisons that many triggers make (an event type, a well-known tag) are compiled once and shared: the least recently
 * used of so many leaves. What is compiled is immutable and knows nothing of its trigger.
 */
const KEPT = 1_024;
const known = new Map<string, CompiledComparison>();

/** Longer operands are seldom the same. */
const LONGEST = 64;

export function compileShared(comparison: Comparison, registry: Registry | undefined): CompiledComparison {
  const { field, operator, value, caseSensitive } = comparison;
  if (value.length > LONGEST) return compileComparison(comparison, registry);
  const key = `${registry ?? ''} ${field} ${operator} ${caseSensitive} ${value}`;
  const compiled = known.get(key) ?? compileComparison(comparison, registry);
  known.delete(key);
  known.set(key, compiled);
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
  }
  return compiled;
}
