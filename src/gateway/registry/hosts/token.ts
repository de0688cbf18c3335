import { randomBytes, toBase64Url } from '../../../kernel/crypto.ts';

const TOKEN_BYTES = 16;

/** What a host is told to show. */
export const newToken = (): string => toBase64Url(randomBytes(TOKEN_BYTES));
