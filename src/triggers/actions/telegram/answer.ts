import * as z from 'zod';
import { DAY, SECOND } from '../../../kernel/clock.ts';
import type { OutboundResult } from '../../../outbound/guarded-fetch.ts';
import type { ActionResult } from '../kind.ts';

/** https://core.telegram.org/bots/api#making-requests and #responseparameters */
const failure = z.object({
  ok: z.literal(false),
  description: z.string().default('no reason given'),
  parameters: z
    .object({ retry_after: z.number().min(0).optional(), migrate_to_chat_id: z.int().optional() })
    .default({}),
});

/** What the Bot API said. */
export type Answer =
  | { kind: 'settled'; result: ActionResult }
  /** The group has become a supergroup, under this id. */
  | { kind: 'moved'; chatId: string; result: ActionResult }
  /** The markup of the message could not be read. */
  | { kind: 'unreadable'; result: ActionResult };

/** Refusals that hold for every message to this chat, told by their description alone: their status is 400. */
const CHAT_IS_GONE =
  /chat not found|user not found|group chat was (?:deactivated|deleted)|peer_id_invalid|chat_write_forbidden|chat_admin_required|(?:not enough|have no) rights|not a member|was kicked/i;

const UNREADABLE = /can't parse entities|can't find end|unsupported start tag/i;

const settled = (result: ActionResult): Answer => ({ kind: 'settled', result });

interface Sender {
  /** Never shown: it is taken out of whatever the API says. */
  token: string;
  /** Whether it is the action's own, and not the deployment's. */
  ownToken: boolean;
}

/** Judges an answer of `sendMessage`. */
export function judgeAnswer(result: OutboundResult, { token, ownToken }: Sender): Answer {
  if (result.kind === 'refused') return settled({ outcome: 'retryable', error: `The Bot API: ${result.reason}` });
  if (result.kind === 'timeout') {
    const error = `${result.reason}; the message may have been sent all the same`;
    return settled({ outcome: 'retryable', error, receiverFailed: true });
  }
  if (result.kind === 'unreachable')
    return settled({ outcome: 'retryable', error: result.reason, receiverFailed: true });
  const excerpt = result.excerpt.replaceAll(token, '…');
  const { status } = result;
  const response = { status, excerpt };
  // A success echoes the message and may be longer than what is read of it.
  if (status === 200 && /^\s*\{\s*"ok"\s*:\s*true\b/.test(excerpt)) return settled({ outcome: 'delivered', response });
  const parsed = failure.safeParse(parseJson(excerpt));
  if (!parsed.success) {
    const error = `The Bot API answered ${status} with something that is not its own`;
    return settled({ outcome: 'retryable', response, error, receiverFailed: true });
  }
  const { description, parameters } = parsed.data;
  const error = `Telegram answered ${status}: ${description}`;
  if (status === 429) {
    const retryAfterMs = Math.min(Math.max((parameters.retry_after ?? 1) * SECOND, SECOND), DAY);
    return settled({ outcome: 'retryable', response, error, retryAfterMs, ...(!ownToken && { isPutOff: true }) });
  }
  if (status >= 500) return settled({ outcome: 'retryable', response, error, receiverFailed: true });
  const refusal: ActionResult = { outcome: 'permanent', response, error };
  if (parameters.migrate_to_chat_id !== undefined)
    return { kind: 'moved', chatId: String(parameters.migrate_to_chat_id), result: refusal };
  if (status === 400 && UNREADABLE.test(description)) return { kind: 'unreadable', result: refusal };
  if (status === 401 || status === 404) return settled(tokenRefused(refusal, ownToken));
  return settled(status === 403 || CHAT_IS_GONE.test(description) ? { ...refusal, broken: error } : refusal);
}

/** A token of the deployment is the operator's to mend, and then everything that waited is sent. */
function tokenRefused(refusal: ActionResult, ownToken: boolean): ActionResult {
  const error = `Telegram does not accept the bot token of the ${ownToken ? 'action' : 'deployment'}`;
  return ownToken ? { ...refusal, error, broken: error } : { ...refusal, outcome: 'retryable', error };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
