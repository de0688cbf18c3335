import type { FieldReader } from '../../http/header-fields.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Caller } from '../admit.ts';
import type { IdentifyDeps } from '../identify.ts';

export type PassedOnDeps = Pick<IdentifyDeps, 'parseKey' | 'recognise'>;

const NOTHING: readonly string[] = [];

const TOKEN = /^Bearer +[\w-]+\.[\w-]+\.[\w-]+$/i;

/**
 * Which of the caller's credential fields go on: those that `passOn` names, except what is a credential for us. Whoever has
 * an upstream could otherwise act here as everyone who calls it.
 * @throws AppError when it cannot be found out whose a token is
 */
export async function passedOn(
  deps: PassedOnDeps,
  passOn: readonly string[],
  headers: FieldReader,
  caller: Caller | undefined,
): Promise<readonly string[]> {
  if (passOn.length === 0) return NOTHING;
  const kept: string[] = [];
  for (const name of passOn) {
    const value = headers.get(name);
    if (value === null || (await hasKey(deps, value))) continue;
    if (name === 'authorization' && TOKEN.test(value) && (await isOwnToken(deps, value, caller))) continue;
    kept.push(name);
  }
  return kept;
}

/** More texts that could be keys are not looked at one by one, and go no further. */
const MAX_CANDIDATES = 8;

/** Anywhere in it: a field that was sent twice is one list. What others call `sk_…` does not have our check. */
async function hasKey({ parseKey }: PassedOnDeps, value: string): Promise<boolean> {
  if (!value.includes('sk_')) return false;
  const candidates = value.split(/\W+/).filter((text) => text.startsWith('sk_'));
  if (candidates.length > MAX_CANDIDATES) return true;
  for (const text of candidates) if (await parseKey(text)) return true;
  return false;
}

/** A person is known by nothing else; beside a key, or of a stranger to the API, the token has to be looked at. */
async function isOwnToken({ recognise }: PassedOnDeps, value: string, caller: Caller | undefined): Promise<boolean> {
  if (caller?.kind === 'user' || caller?.kind === 'wallet') return true;
  try {
    await recognise(value);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'unauthorized') return false;
    throw error;
  }
}
