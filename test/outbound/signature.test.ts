import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newSigningSecret, signatureHeaders } from '../../src/outbound/signature.ts';

describe('a signature', () => {
  it('is accepted by the library of Standard Webhooks, whatever the message', async () => {
    const secret = newSigningSecret();
    const verifier = new Webhook(secret);
    await fc.assert(
      fc.asyncProperty(fc.uuid(), fc.json(), async (id, body) => {
        const headers = await signatureHeaders(secret, { id, sentAt: new Date(), body });
        expect(verifier.verify(body, headers)).toEqual(JSON.parse(body));
      }),
    );
  });

  it('is not accepted for another body, id or secret', async () => {
    const secret = newSigningSecret();
    const headers = await signatureHeaders(secret, { id: 'a', sentAt: new Date(), body: '{}' });
    expect(() => new Webhook(secret).verify('{ }', headers)).toThrow();
    expect(() => new Webhook(secret).verify('{}', { ...headers, 'webhook-id': 'b' })).toThrow();
    expect(() => new Webhook(newSigningSecret()).verify('{}', headers)).toThrow();
  });

  it('agrees with a known answer', async () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const sentAt = new Date(1_614_265_330_000);
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', sentAt, body: '{"test": 2432232314}' };
    expect(await signatureHeaders(secret, message)).toEqual({
      'webhook-id': message.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': new Webhook(secret).sign(message.id, sentAt, message.body),
    });
  });

  it('is made with a secret of 32 random bytes', () => {
    expect(newSigningSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(newSigningSecret()).not.toBe(newSigningSecret());
  });
});
