import { exports } from 'cloudflare:workers';
import { expect } from 'vitest';
import { readMessages } from './messages.ts';

/** An open live view, read message by message. */
export async function openStream(query = '', headers: Record<string, string> = {}) {
  const response = await exports.default.fetch(
    new Request(`https://weir.test/api/v1/events/stream${query}`, { headers }),
  );
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('text/event-stream');
  const { block, next, close } = readMessages(response.body ?? new ReadableStream());
  return { headers: response.headers, opened: await block(), next, close };
}
