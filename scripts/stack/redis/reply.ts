/** A status such as OK: scripts see it as a table, unlike a stored text of the same letters. */
export interface Status {
  ok: string;
}

export type Reply = string | number | null | Status | Reply[];

export type Outcome = { result: Reply } | { error: string };

export const OK: Status = { ok: 'OK' };

/** A refusal with the text Redis itself would give. */
export class RedisError extends Error {}

export interface RedisBackend {
  engine: string;
  /** @throws RedisError */
  call(command: string[]): Promise<Reply>;
  /** Runs all of them with nothing in between. @throws RedisError when one could not even be queued */
  transaction(commands: string[][]): Promise<Outcome[]>;
  /** Settles when the engine ends by itself. */
  exited: Promise<string>;
  stop(): Promise<void>;
}
