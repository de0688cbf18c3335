import * as z from 'zod';
import { line, text } from '../../http/shapes.ts';
import { configCheck, faultAt } from './config.ts';
import type { ActionKind } from './kind.ts';
import { parseTemplate } from './template.ts';

/** A group's id is an integer that clients often send as one; it is kept as text. */
const chatId = z.union([line(1, 128), z.int().transform(String)], 'must be a chat id, as text or as an integer');

const telegramConfig = z.strictObject({
  chat_id: chatId,
  message_template: text(1, 4096),
  parse_mode: z.enum(['HTML', 'MarkdownV2']).nullable().optional(),
  bot_token: z
    .string()
    .regex(/^(?:\d{1,20}:[\w-]{1,128}|\*{8})$/, 'must be a bot token, such as 123456:AbC-dEf')
    .optional(),
});

export const telegram: ActionKind = {
  validate: configCheck(telegramConfig, ({ message_template }) => {
    const parsed = parseTemplate(message_template);
    return faultAt('message_template', parsed.ok ? undefined : parsed.fault);
  }),
  secretPaths: (config) => (config['bot_token'] === undefined ? [] : [['bot_token']]),
  /** The token goes to Telegram alone, at one fixed address; no chat sees it. */
  audience: () => 'telegram',
  endpoint: (config) => `telegram:${String(config['chat_id'])}`,
  send: async () => ({ outcome: 'permanent', error: 'Telegram actions cannot be sent by this release' }),
};
