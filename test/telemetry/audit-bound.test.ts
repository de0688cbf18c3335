import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/kernel/crypto.ts';
import { boundedContent } from '../../src/telemetry/audit/bound.ts';
import { auditText } from '../../src/telemetry/audit/content.ts';

const content = (before: object | null, after: object | null) => ({
  actor: 'user:1',
  action: 'thing.update',
  target: { type: 'thing', id: '1' },
  before,
  after,
  address: '',
  request_id: '',
  created_at: '2026-01-01T00:00:00.000Z',
});

const digest = async (value: unknown, bytes: number) => ({ sha256: sha256Hex(JSON.stringify(value)), bytes });

describe('the content of an audit entry', () => {
  it('stays as it is up to 2 KiB a field, counted in UTF-8', async () => {
    const small = content(null, { id: 7, none: null, text: `é${'x'.repeat(2044)}` });
    expect(await boundedContent(small)).toEqual(small);
    const large = { id: 7, text: `éé${'x'.repeat(2044)}` };
    expect(await boundedContent(content(large, null))).toEqual(
      content({ id: 7, text: await digest(large.text, 2050) }, null),
    );
  });

  it('is digests as a whole where many fields together are above 16 KiB', async () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`f${n}`, 'x'.repeat(2000)]));
    const bounded = await boundedContent(content(many, { id: 7 }));
    expect(bounded.before).toEqual(await digest(many, JSON.stringify(many).length));
    expect(bounded.after).toEqual(await digest({ id: 7 }, 8));
    expect(auditText(bounded).length).toBeLessThan(1024);
  });
});
