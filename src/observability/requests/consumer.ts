import { type Executor, isUnreachable } from '../../db/client.ts';
import type { RecordsMessage } from '../../gateway/index.ts';
import { HOUR, MINUTE, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { recordsMessage } from './message.ts';
import { storeRecords } from './record-store.ts';

/** What is needed of a message of the queue; a `Message` of the platform is one. */
export interface QueueMessage {
  readonly body: unknown;
  /** 1 at first. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { delaySeconds: number }): void;
}

interface RecordConsumerDeps {
  db: { query: Executor };
  log: Logger;
}

interface Read {
  message: QueueMessage;
  body: RecordsMessage;
}

/** Puts a batch on record with one statement. If that fails for another reason than a database that is away, each by itself. */
export async function consumeRecords(
  messages: readonly QueueMessage[],
  { db, log }: RecordConsumerDeps,
): Promise<void> {
  const batch = readAll(messages, log);
  if (batch.length === 0) return;
  const failed = async (those: readonly Read[], error: unknown) => {
    log.warn('request_log.not_stored', { messages: those.length, error: describeError(error) });
    for (const { message } of those) message.retry({ delaySeconds: delayOf(message.attempts) });
  };
  const store = async (those: readonly Read[]) => {
    await storeRecords(
      db.query,
      those.map(({ body }) => body),
    );
    for (const { message } of those) message.ack();
  };
  try {
    await store(batch);
  } catch (error) {
    if (isUnreachable(error) || batch.length === 1) return failed(batch, error);
    for (const one of batch) await store([one]).catch((ownError: unknown) => failed([one], ownError));
  }
}

/** The last tries, an hour apart. https://developers.cloudflare.com/queues/configuration/dead-letter-queues/ */
const LAST_ATTEMPT = 5;

/** What came back for most of a day: a database that was away for as long, or a defect of ours. */
export async function consumeDeadRecords(
  messages: readonly QueueMessage[],
  { db, log }: RecordConsumerDeps,
): Promise<void> {
  for (const { message, body } of readAll(messages, log)) {
    try {
      await storeRecords(db.query, [body]);
      message.ack();
    } catch (error) {
      if (message.attempts < LAST_ATTEMPT) {
        message.retry({ delaySeconds: HOUR / SECOND });
        continue;
      }
      log.error('request_log.dropped', { message: body.id, records: body.records.length, error: describeError(error) });
      message.ack();
    }
  }
}

function readAll(messages: readonly QueueMessage[], log: Logger): Read[] {
  return messages.flatMap((message) => {
    const parsed = recordsMessage.safeParse(message.body);
    if (parsed.success) return [{ message, body: parsed.data }];
    log.error('request_log.invalid', { fields: parsed.error.issues.map(({ path }) => path.join('.')).slice(0, 10) });
    message.ack();
    return [];
  });
}

/** Seconds: doubling from 5 up to ten minutes, which a hundred attempts stretch over 16 hours. */
const delayOf = (attempts: number) => Math.min(5 * 2 ** Math.min(attempts - 1, 10), (10 * MINUTE) / SECOND);
