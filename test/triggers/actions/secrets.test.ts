import { describe, expect, it } from 'vitest';
import type { KeyRing } from '../../../src/kernel/crypto.ts';
import {
  hasMask,
  joinSecrets,
  keepSecrets,
  openSecrets,
  openSigningSecret,
  SECRET_MASK,
  sealSecrets,
  sealSigningSecret,
  splitSecrets,
} from '../../../src/triggers/actions/secrets.ts';

const REST = {
  method: 'POST',
  url: 'https://hooks.example.com/x',
  headers: {
    Authorization: 'Bearer s3cret',
    'X-Api-Key': 'k',
    'X-Agent': '{{agent_id}}',
    Cookie: 'a=b',
    'X-Signing-Secret': 's',
    'Idempotency-Key': '{{event_id}}',
  },
};

const ring: KeyRing = { current: 'k1', keys: new Map([['k1', crypto.getRandomValues(new Uint8Array(32))]]) };

describe('the secrets of a config', () => {
  it('are taken out and leave masks', () => {
    const { config, secrets } = splitSecrets('rest', REST);
    expect(config).toEqual({
      ...REST,
      headers: {
        ...REST.headers,
        Authorization: SECRET_MASK,
        'X-Api-Key': SECRET_MASK,
        Cookie: SECRET_MASK,
        'X-Signing-Secret': SECRET_MASK,
        'X-Agent': SECRET_MASK,
      },
    });
    expect(JSON.stringify(config)).not.toContain('s3cret');
    expect(joinSecrets(config, secrets)).toEqual(REST);
  });

  it.each(['X-Hub', 'Ocp-Apim-Subscription', 'Content-Type-Id', 'X-Accept', 'x'])(
    'are in the header %s, whose name does not say so',
    (name) => {
      const { config } = splitSecrets('rest', { ...REST, headers: { [name]: 's3cret' } });
      expect(config['headers']).toEqual({ [name]: SECRET_MASK });
    },
  );

  it('are not in headers that say how a message is written or read', () => {
    const headers = { 'Content-Type': 'text/csv', accept: '*/*', 'User-Agent': 'Weir', 'Cache-Control': 'no-store' };
    expect(splitSecrets('rest', { ...REST, headers }).secrets).toEqual([]);
  });

  it('are the bot token and the auth token of the other kinds', () => {
    const telegram = { chat_id: '1', message_template: 'x', bot_token: '1:a' };
    const mcp = { server_url: 'https://mcp.example.com', tool_name: 'x', auth_token: 't' };
    expect(splitSecrets('telegram', telegram).config).toEqual({ ...telegram, bot_token: SECRET_MASK });
    expect(splitSecrets('mcp', mcp).config).toEqual({ ...mcp, auth_token: SECRET_MASK });
    const plain = { chat_id: '1', message_template: 'x' };
    expect(splitSecrets('telegram', plain)).toEqual({ config: plain, secrets: [] });
  });

  it('are kept when an update sends their masks back, and replaced when it sends others', () => {
    const stored = splitSecrets('rest', REST);
    const sent = {
      ...stored.config,
      url: 'https://hooks.example.com/x?by={{owner}}',
      headers: { Authorization: SECRET_MASK, 'X-Api-Key': 'new' },
    };
    expect(hasMask('rest', sent)).toBe(true);
    expect(keepSecrets('rest', sent, stored)).toEqual({
      ok: true,
      config: { ...sent, headers: { Authorization: 'Bearer s3cret', 'X-Api-Key': 'new' } },
    });
  });

  it.each([
    { url: 'https://evil.example.net/x' },
    { url: 'https://hooks.example.com:8443/x' },
    { url: 'https://hooks.example.com/evil' },
    { url: 'https://hooks.example.com/x/' },
    { url: 'https://hooks.example.com/x{{tag1}}' },
    { method: 'PUT' },
  ])('do not follow the action to another receiver: %j', (change) => {
    const stored = splitSecrets('rest', REST);
    const sent = { ...stored.config, ...change, headers: { Authorization: SECRET_MASK } };
    const result = keepSecrets('rest', sent, stored);
    expect(result).toEqual({
      ok: false,
      details: [
        {
          path: 'headers.Authorization',
          message: 'must be given again, because the action now names another receiver',
        },
      ],
    });
  });

  it('do not follow an MCP action to another path of its host', () => {
    const stored = splitSecrets('mcp', { server_url: 'https://mcp.example.com/a', tool_name: 'x', auth_token: 't' });
    expect(keepSecrets('mcp', { ...stored.config, tool_name: 'y' }, stored)).toMatchObject({ ok: true });
    const moved = { ...stored.config, server_url: 'https://mcp.example.com/b' };
    expect(keepSecrets('mcp', moved, stored)).toMatchObject({ ok: false, details: [{ path: 'auth_token' }] });
  });

  it('go with Telegram to every chat', () => {
    const stored = splitSecrets('telegram', { chat_id: '1', message_template: 'x', bot_token: '1:a' });
    expect(keepSecrets('telegram', { ...stored.config, chat_id: '2' }, stored)).toMatchObject({
      ok: true,
      config: { chat_id: '2', bot_token: '1:a' },
    });
  });

  it('cannot be a mask where none is stored', () => {
    const sent = { ...REST, headers: { Authorization: SECRET_MASK } };
    const message = 'is the mask of a secret, but no such secret is stored; give the secret itself';
    expect(keepSecrets('rest', sent)).toEqual({ ok: false, details: [{ path: 'headers.Authorization', message }] });
    expect(keepSecrets('rest', sent, { config: sent, secrets: [] })).toMatchObject({ ok: false });
    expect(keepSecrets('rest', REST)).toEqual({ ok: true, config: REST });
  });

  it('are sealed for their trigger alone', async () => {
    const { secrets } = splitSecrets('rest', REST);
    const sealed = await sealSecrets(ring, 't1', secrets);
    expect(sealed).not.toContain('s3cret');
    expect(await openSecrets(ring, 't1', sealed)).toEqual(secrets);
    await expect(openSecrets(ring, 't2', sealed)).rejects.toThrow();
    expect(await sealSecrets(ring, 't1', [])).toBeNull();
    expect(await openSecrets(ring, 't1', null)).toEqual([]);
  });

  it('do not open as a signing secret, nor the other way round', async () => {
    const sealed = await sealSigningSecret(ring, 't1', 'whsec_x');
    expect(await openSigningSecret(ring, 't1', sealed)).toBe('whsec_x');
    await expect(openSecrets(ring, 't1', sealed)).rejects.toThrow();
  });
});
