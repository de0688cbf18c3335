import { uuidv7 } from 'uuidv7';

/** A UUIDv7 (RFC 9562 §5.7): sortable by creation, made here because PostgreSQL before 18 has no generator for it. */
export const newUuid = (): string => uuidv7();

/** A sortable id that carries its kind, such as `evt_0192…` (32 hex digits of a UUIDv7 after the prefix). */
export const newId = (prefix: string): string => `${prefix}_${uuidv7().replaceAll('-', '')}`;
