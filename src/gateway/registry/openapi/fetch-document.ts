import { SECOND } from '../../../kernel/clock.ts';
import { AppError } from '../../../kernel/errors.ts';
import { readStart } from '../../../outbound/body.ts';
import { type GuardedFetch, OutboundRefusal } from '../../../outbound/guarded-fetch.ts';
import { MAX_DOCUMENT_BYTES } from './document.ts';

const PATIENCE = 10 * SECOND;

/**
 * The text at an address that a user chose.
 * @throws AppError `bad_request` telling why there is none
 */
export async function fetchDocument(guardedFetch: GuardedFetch, url: string): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE);
  const headers = { Accept: 'application/json, application/yaml;q=0.9, */*;q=0.1' };
  const response = await guardedFetch(url, { headers, signal }).catch((error: unknown) => {
    if (error instanceof OutboundRefusal) throw refusal(error.message);
    throw refusal(signal.aborted ? 'The address did not answer within 10 s' : 'The address could not be reached');
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    const hint = response.status >= 300 && response.status < 400 ? '; redirects are not followed' : '';
    throw refusal(`The address answered with status ${response.status}${hint}`);
  }
  const { text, complete } = await readStart(response, MAX_DOCUMENT_BYTES + 1);
  if (complete) return text;
  throw refusal(
    signal.aborted ? 'The address did not send all within 10 s' : 'The address sent more than 4 MB, or broke off',
  );
}

const refusal = (message: string) => new AppError('bad_request', `The document could not be fetched: ${message}`);
