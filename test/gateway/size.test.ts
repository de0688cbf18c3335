import { describe, expect, it } from 'vitest';
import { bounded } from '../../src/gateway/size.ts';

const bytes = (length: number) => new Uint8Array(length);

/** A request whose length is not announced. */
const streamed = (source: UnderlyingSource<Uint8Array>) =>
  // `duplex` is of Node's, which the runtime's types do not know.
  new Request('https://weir.test/', {
    method: 'POST',
    body: new ReadableStream(source),
    ...{ duplex: 'half' },
  });

const inPieces = (...lengths: number[]) =>
  streamed({
    pull(controller) {
      const length = lengths.shift();
      if (length === undefined) controller.close();
      else controller.enqueue(bytes(length));
    },
  });

describe('a body on its way up', () => {
  it('is the request’s own where nothing bounds it', () => {
    const request = inPieces(5);
    const { stream, signal, broken } = bounded(request, null);
    expect(stream).toBe(request.body);
    expect([signal, broken()]).toEqual([undefined, undefined]);
  });

  it('goes on whole up to its bound', async () => {
    const { stream, signal, broken } = bounded(inPieces(4, 6), 10);
    expect((await new Response(stream).bytes()).length).toBe(10);
    expect([signal?.aborted, broken()]).toEqual([false, undefined]);
  });

  it('is refused at once when a longer one is announced', () => {
    const request = new Request('https://weir.test/', {
      method: 'POST',
      body: 'x',
      headers: { 'Content-Length': '11' },
    });
    expect(() => bounded(request, 10)).toThrow('The request body must not be larger than 10 bytes');
  });

  it('tells whoever sends it before its stream fails, since a failed stream is sent as one that is over', async () => {
    const { stream, signal, broken } = bounded(inPieces(8, 8), 10);
    const reader = stream?.getReader();
    expect((await reader?.read())?.value?.length).toBe(8);
    const order: string[] = [];
    signal?.addEventListener('abort', () => order.push('signal'));
    await reader?.read().catch(() => order.push('stream'));
    expect(order).toEqual(['signal', 'stream']);
    expect(broken()).toMatchObject({ code: 'payload_too_large' });
  });

  it('does the same when the caller breaks off', async () => {
    const source = streamed({
      pull(controller) {
        controller.error(new Error('the caller is gone'));
      },
    });
    const { stream, signal, broken } = bounded(source, 10);
    await expect(stream?.getReader().read()).rejects.toThrow('The request body broke off');
    expect(signal?.aborted).toBe(true);
    expect(broken()).toMatchObject({ code: 'bad_request' });
  });

  it('is let go of when the upstream wants no more of it', async () => {
    const gone = Promise.withResolvers<unknown>();
    const { stream } = bounded(
      streamed({ pull: (controller) => controller.enqueue(bytes(1)), cancel: gone.resolve }),
      10,
    );
    await stream?.cancel('enough');
    expect(await gone.promise).toBe('enough');
  });
});
