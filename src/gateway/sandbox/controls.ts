import type { FieldReader } from '../../http/header-fields.ts';
import { AppError } from '../../kernel/errors.ts';

const FAULTS = ['timeout', 'reset', '503', 'malformed'] as const;

export type Fault = (typeof FAULTS)[number];

/** How a caller wants to be answered in the sandbox. */
export interface Controls {
  latencyMs: number;
  fault: Fault | null;
  /** Text of the caller's choice: the same one makes the same data. */
  seed: string | null;
}

export const MAX_LATENCY_MS = 30_000;

const MAX_SEED = 100;

const isFault = (text: string): text is Fault => FAULTS.some((fault) => fault === text);

/** Reads `X-Sandbox-Latency`, `X-Sandbox-Fault` and `X-Sandbox-Seed`. @throws AppError `bad_request` naming the field */
export function readControls(headers: FieldReader): Controls {
  const latency = headers.get('x-sandbox-latency')?.trim() ?? '0';
  const latencyMs = /^\d{1,5}$/.test(latency) ? Number(latency) : Number.NaN;
  if (!(latencyMs <= MAX_LATENCY_MS)) {
    throw new AppError('bad_request', `X-Sandbox-Latency must be 0 to ${MAX_LATENCY_MS} milliseconds`);
  }
  const fault = headers.get('x-sandbox-fault')?.trim().toLowerCase() ?? null;
  if (fault !== null && !isFault(fault)) {
    throw new AppError('bad_request', `X-Sandbox-Fault must be one of ${FAULTS.join(', ')}`);
  }
  const seed = headers.get('x-sandbox-seed')?.trim() ?? null;
  if (seed !== null && (seed === '' || seed.length > MAX_SEED)) {
    throw new AppError('bad_request', `X-Sandbox-Seed must have 1 to ${MAX_SEED} characters`);
  }
  return { latencyMs, fault, seed };
}
