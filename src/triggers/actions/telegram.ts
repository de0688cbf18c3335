import * as z from 'zod';
import { line, text } from '../../http/shapes.ts';
import { SECOND } from '../../kernel/clock.ts';
import { configCheck, faultAt } from './config.ts';
import { templateValues } from './event-payload.ts';
import type { ActionDelivery, ActionKind, ActionResult, SenderDeps } from './kind.ts';
import { sendingOf } from './sending.ts';
import { judgeAnswer } from './telegram/answer.ts';
import { faultOfMessage, MAX_MESSAGE, type ParseMode, renderMessage, renderPlain } from './telegram/message.ts';

/** A group's id is an integer that clients often send as one; it is kept as text. */
const chatId = z.union([line(1, 128), z.int().transform(String)], 'must be a chat id, as text or as an integer');

const telegramConfig = z.strictObject({
  chat_id: chatId,
  message_template: text(1, MAX_MESSAGE),
  parse_mode: z.enum(['HTML', 'MarkdownV2']).nullable().optional(),
  bot_token: z
    .string()
    .regex(/^(?:\d{1,20}:[\w-]{1,128}|\*{8})$/, 'must be a bot token, such as 123456:AbC-dEf')
    .optional(),
});

type TelegramConfig = z.output<typeof telegramConfig>;

const TIMEOUT_MS = 10 * SECOND;

/** The message, one more for a group that has moved, and one more for markup that cannot be read. */
const MAX_REQUESTS = 3;

interface Message {
  text: string;
  parse_mode?: Exclude<ParseMode, undefined>;
}

const parseModeOf = ({ parse_mode }: TelegramConfig): ParseMode => parse_mode ?? undefined;

/** A retraction says in words of ours what it takes back: no template of a fire could. */
function messageOf(delivery: ActionDelivery, config: TelegramConfig): Message {
  const { trigger, event } = delivery;
  if (delivery.kind === 'retraction') {
    const about = event.agentId === null ? '' : ` of agent ${event.agentId}`;
    return {
      text: `Retraction: the trigger "${trigger.name}" fired on the event ${event.eventType}${about} (${event.id}), which is no longer part of the chain.`,
    };
  }
  const mode = parseModeOf(config);
  const rendered = renderMessage(config.message_template, mode, templateValues(delivery));
  return { text: rendered, ...(mode && { parse_mode: mode }) };
}

/**
 * Sends the message, and once more where the answer says how: to the chat that the group has become, or without a parse
 * mode where its markup could not be read. `sendMessage` takes no id to deduplicate on, so what is sent again after a
 * timeout may arrive twice.
 */
async function send(delivery: ActionDelivery, config: TelegramConfig, deps: SenderDeps): Promise<ActionResult> {
  const { url, outbound, token: deploymentToken } = deps.telegram;
  const token = config.bot_token ?? deploymentToken;
  if (token === undefined)
    return { outcome: 'permanent', error: 'The action names no bot token, and the deployment has none' };
  const sender = { token, ownToken: config.bot_token !== undefined };
  let chat = config.chat_id;
  let message = messageOf(delivery, config);
  let result: ActionResult = { outcome: 'retryable', error: 'Nothing was sent' };
  for (let request = 0; request < MAX_REQUESTS; request++) {
    const answered = await outbound({
      url: `${url}/bot${token}/sendMessage`,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': `Weir/${deps.version}` },
      body: JSON.stringify({ chat_id: chat, ...message, link_preview_options: { is_disabled: true } }),
      timeoutMs: TIMEOUT_MS,
    });
    const answer = judgeAnswer(answered, sender);
    result = answer.result;
    if (answer.kind === 'moved' && chat === config.chat_id) chat = answer.chatId;
    else if (answer.kind === 'unreadable' && message.parse_mode)
      message = { text: renderPlain(config.message_template, templateValues(delivery)) };
    else break;
  }
  return chat === config.chat_id ? result : { ...result, moved: { field: 'chat_id', from: config.chat_id, to: chat } };
}

export const telegram: ActionKind = {
  validate: configCheck(telegramConfig, (config, { hasBotToken }) => [
    ...faultAt('message_template', faultOfMessage(config.message_template, parseModeOf(config))),
    ...faultAt(
      'bot_token',
      config.bot_token === undefined && !hasBotToken
        ? 'must be given: this deployment has no bot of its own'
        : undefined,
    ),
  ]),
  secretPaths: (config) => (config['bot_token'] === undefined ? [] : [['bot_token']]),
  /** The token goes to Telegram alone, at one fixed address; no chat sees it. */
  audience: () => 'telegram',
  endpoint: (config) => `telegram:${String(config['chat_id'])}`,
  ...sendingOf({
    schema: telegramConfig,
    what: 'message',
    longestMs: () => MAX_REQUESTS * TIMEOUT_MS,
    render: (delivery, config) => ({ chat_id: config.chat_id, ...messageOf(delivery, config) }),
    send,
  }),
};
