import { describe, expect, it } from 'vitest';
import { createTextLookUp } from '../../src/outbound/text-records.ts';

function lookUp(answer: () => Response | Promise<Response>) {
  const asked: URL[] = [];
  const network: typeof fetch = async (input) => {
    asked.push(new URL(new Request(input).url));
    return answer();
  };
  const look = createTextLookUp({ fetch: network, dohUrl: 'https://doh.test/dns-query' });
  return { asked, texts: () => look('_weir.example.com', new AbortController().signal) };
}

const dns = (...records: [type: number, data: string][]) =>
  Response.json({ Status: 0, Answer: records.map(([type, data]) => ({ name: 'x', type, TTL: 300, data })) });

describe('the texts of a name', () => {
  it('are those of its TXT records, asked for by type, aliases left out', async () => {
    const { asked, texts } = lookUp(() => dns([5, 'other.example.com.'], [16, '"one"'], [16, 'two']));
    expect(await texts()).toEqual(['one', 'two']);
    expect(asked.map(({ searchParams }) => Object.fromEntries(searchParams))).toEqual([
      { name: '_weir.example.com', type: '16' },
    ]);
  });

  it('are put together from the strings of a record, with what is escaped in them', async () => {
    const { texts } = lookUp(() => dns([16, '"first, " "second"'], [16, String.raw`"a \"b\" \\c"`]));
    expect(await texts()).toEqual(['first, second', String.raw`a "b" \c`]);
  });

  it('are none where the name does not exist', async () => {
    expect(await lookUp(() => Response.json({ Status: 3 })).texts()).toEqual([]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['fails to look it up', () => Response.json({ Status: 2 })],
    ['has cut its answer off', () => Response.json({ Status: 0, TC: true })],
    ['refuses', () => new Response('no', { status: 403 })],
    ['answers something else', () => new Response('<html>')],
    ['answers without end', () => new Response('x'.repeat(100_000))],
    ['cannot be reached', () => Promise.reject(new TypeError('no route'))],
  ])('are not known when the resolver %s', async (_, answer) => {
    expect(await lookUp(answer).texts()).toBeUndefined();
  });
});
