/** Messages through the real guard and real HTTP, to a stand-in that is as strict as the Bot API. */
import { afterEach, describe, expect, it } from 'vitest';
import { startTelegram, type Telegram, type TelegramOptions } from '../../../../scripts/stack/telegram/server.ts';
import { createOutbound, type OutboundResult } from '../../../../src/outbound/guarded-fetch.ts';
import type { ActionDelivery } from '../../../../src/triggers/actions/kind.ts';
import { telegram } from '../../../../src/triggers/actions/telegram.ts';
import { policy } from '../../../outbound/policy.ts';
import { delivery, eventRow, senderDeps } from '../fixtures.ts';

const TOKEN = '123456:AbC-dEf';

let api: Telegram | undefined;
afterEach(async () => {
  await api?.stop();
  api = undefined;
});

const start = async (options: Partial<TelegramOptions> = {}) => {
  api = await startTelegram({ token: TOKEN, ...options });
  return api;
};

const CONFIG = { chat_id: '7', message_template: '<b>{{tag1}}</b>', parse_mode: 'HTML' };

interface Setup {
  config?: Record<string, unknown>;
  /** The deployment's. */
  token?: string | undefined;
  extra?: Partial<ActionDelivery>;
}

function send(url: string, { config = {}, token = TOKEN, extra = {} }: Setup = {}) {
  const outbound = createOutbound({
    fetch,
    clock: () => new Date(),
    policy: policy('127.0.0.1'),
    resolve: async () => ({ kind: 'failed', reason: 'nothing is looked up here' }),
  });
  const event = eventRow({ tag1: '[x](http://evil.example) <b>*{{owner}}' });
  const sent = delivery({ event, config: { ...CONFIG, ...config }, ...extra });
  return telegram.send(sent, senderDeps({ telegram: { url, token, outbound } }));
}

describe('a Telegram action', () => {
  it('sends its message, with hostile names as text and without a preview of links', async () => {
    const { url, messages } = await start();
    expect(await send(url)).toMatchObject({ outcome: 'delivered', response: { status: 200 } });
    expect(messages).toEqual([
      {
        token: TOKEN,
        chat: '7',
        text: '[x](http://evil.example) <b>*{{owner}}',
        entities: [{ type: 'bold', offset: 0, length: 38 }],
        linkPreview: false,
      },
    ]);
  });

  it('sends with its own bot where it names one', async () => {
    const { url, messages } = await start();
    expect(await send(url, { config: { bot_token: TOKEN }, token: '1:other' })).toMatchObject({ outcome: 'delivered' });
    expect(messages).toHaveLength(1);
  });

  it('fails for good where there is no bot at all', async () => {
    const result = await telegram.send(delivery({ config: CONFIG }), senderDeps());
    const error = 'The action names no bot token, and the deployment has none';
    expect(result).toEqual({ outcome: 'permanent', error });
  });

  it('says what a retraction takes back, in words of ours and without markup', async () => {
    const { url, messages } = await start();
    const trigger = { id: 't', name: 'Low *scores*' };
    await send(url, { extra: { kind: 'retraction', retracts: 'd', trigger } });
    expect(messages).toMatchObject([
      {
        text: 'Retraction: the trigger "Low *scores*" fired on the event NewFeedback of agent 42 (31337-0xaa-0), which is no longer part of the chain.',
        entities: [],
      },
    ]);
  });

  it('waits for as long as the API asks, which is no failure of the chat', async () => {
    const { url } = await start({ burst: 1, clock: () => 0 });
    const own = { config: { bot_token: TOKEN } };
    await send(url, own);
    const result = await send(url, own);
    expect(result).toMatchObject({
      outcome: 'retryable',
      retryAfterMs: 1_000,
      error: 'Telegram answered 429: Too Many Requests: retry after 1',
    });
    expect(result.receiverFailed).toBeUndefined();
    expect(result.isPutOff).toBeUndefined();
  });

  it('puts a delivery off where the bot that has to wait is the one that everybody shares', async () => {
    const { url } = await start({ burst: 1, clock: () => 0 });
    await send(url);
    expect(await send(url)).toMatchObject({ outcome: 'retryable', retryAfterMs: 1_000, isPutOff: true });
  });

  it.each<[string, Partial<TelegramOptions>, Setup, string]>([
    [
      'a chat that is not there',
      { chats: { 7: { kind: 'missing' } } },
      {},
      'Telegram answered 400: Bad Request: chat not found',
    ],
    [
      'a chat that has blocked the bot',
      { chats: { 7: { kind: 'blocked' } } },
      {},
      'Telegram answered 403: Forbidden: bot was blocked by the user',
    ],
    [
      'a token of its own that is refused',
      {},
      { config: { bot_token: '9:gone' } },
      'Telegram does not accept the bot token of the action',
    ],
  ])('is broken by %s', async (_, options, setup, broken) => {
    const { url } = await start(options);
    expect(await send(url, setup)).toMatchObject({ outcome: 'permanent', error: broken, broken });
  });

  it('is not broken by a token of the deployment that is refused: it waits for the operator', async () => {
    const { url } = await start();
    const result = await send(url, { token: '9:gone' });
    const error = 'Telegram does not accept the bot token of the deployment';
    expect(result).toMatchObject({ outcome: 'retryable', error });
    expect(result).not.toHaveProperty('broken');
    expect(result.receiverFailed).toBeUndefined();
  });

  it('is not broken by a message that is empty', async () => {
    const { url } = await start();
    const result = await send(url, { config: { message_template: '{{tag2}}' } });
    expect(result).toMatchObject({
      outcome: 'permanent',
      error: 'Telegram answered 400: Bad Request: message text is empty',
    });
    expect(result).not.toHaveProperty('broken');
  });

  it('follows a group that has become a supergroup, and says where to', async () => {
    const { url, messages } = await start({ chats: { '-5': { kind: 'migrated', to: -1_005 } } });
    expect(await send(url, { config: { chat_id: '-5' } })).toMatchObject({
      outcome: 'delivered',
      moved: { field: 'chat_id', from: '-5', to: '-1005' },
    });
    expect(messages).toMatchObject([{ chat: '-1005' }]);
  });

  it('sends once more without a parse mode where its markup cannot be read', async () => {
    const requests: { parse_mode?: string; text: string }[] = [];
    const outbound = async ({ body = '' }: { body?: string }): Promise<OutboundResult> => {
      requests.push(JSON.parse(body));
      const description = "Bad Request: can't parse entities: Unsupported start tag";
      const answer = { ok: requests.length > 1, error_code: 400, description };
      const status = answer.ok ? 200 : 400;
      return { kind: 'response', status, headers: new Headers(), excerpt: JSON.stringify(answer), durationMs: 1 };
    };
    const deps = senderDeps({ telegram: { url: 'https://api.telegram.org', token: TOKEN, outbound } });
    expect(await telegram.send(delivery({ config: CONFIG }), deps)).toMatchObject({ outcome: 'delivered' });
    expect(requests).toMatchObject([{ parse_mode: 'HTML' }, { text: '<b></b>' }]);
    expect(requests[1]).not.toHaveProperty('parse_mode');
  });

  it.each<[string, OutboundResult, object]>([
    [
      'no answer in time, after which nobody knows',
      { kind: 'timeout', reason: 'No answer within 10000 ms', durationMs: 1 },
      { outcome: 'retryable', error: 'No answer within 10000 ms; the message may have been sent all the same' },
    ],
    [
      'an API that is down',
      { kind: 'response', status: 502, headers: new Headers(), excerpt: '<html>', durationMs: 1 },
      {
        outcome: 'retryable',
        error: 'The Bot API answered 502 with something that is not its own',
        receiverFailed: true,
      },
    ],
    [
      'a page in between that says 200',
      { kind: 'response', status: 200, headers: new Headers(), excerpt: '<html>', durationMs: 1 },
      { outcome: 'retryable', receiverFailed: true },
    ],
  ])('tries again after %s', async (_, result, expected) => {
    const deps = senderDeps({ telegram: { url: 'https://x', token: TOKEN, outbound: async () => result } });
    expect(await telegram.send(delivery({ config: CONFIG }), deps)).toMatchObject(expected);
  });

  it('never tells its token, whatever the API says', async () => {
    const excerpt = JSON.stringify({
      ok: false,
      error_code: 400,
      description: `Bad Request: /bot${TOKEN}/sendMessage`,
    });
    const outbound = async (): Promise<OutboundResult> => ({
      ...{ kind: 'response', status: 400, headers: new Headers(), excerpt, durationMs: 1 },
      kind: 'response',
    });
    const deps = senderDeps({ telegram: { url: 'https://x', token: TOKEN, outbound } });
    expect(JSON.stringify(await telegram.send(delivery({ config: CONFIG }), deps))).not.toContain(TOKEN);
  });
});
