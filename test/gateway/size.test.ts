import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { receiveBody } from '../../src/gateway/size.ts';

const clock = () => new Date();

type Source = Omit<UnderlyingByteSource, 'type'>;

interface Arriving {
  method?: string;
  announced?: number;
  source?: Source;
}

/** A request as it comes in: of Node's own, a GET would have no body. */
function arriving({ method = 'POST', announced, source = {} }: Arriving): Request {
  const headers = new Headers(announced === undefined ? {} : { 'Content-Length': String(announced) });
  const body = new ReadableStream({ ...source, type: 'bytes' });
  const arrayBuffer = () => new Response(body).arrayBuffer();
  return Object.assign(Object.create(Request.prototype, propertiesOf({ method, headers, body, arrayBuffer })));
}

const propertiesOf = (values: object): PropertyDescriptorMap =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));

/** Of pieces that are as long as these. */
const inPieces = (...lengths: number[]): Source => ({
  pull(controller) {
    const length = lengths.shift();
    if (length !== undefined) controller.enqueue(new Uint8Array(length));
    else {
      controller.close();
      controller.byobRequest?.respond(0);
    }
  },
});

const STALLED: Source = { pull: () => new Promise(() => undefined) };

const receive = (request: Request, maxBytes: number | null = null) => receiveBody(request, { clock, maxBytes });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  // Of the runtime, which alone keeps the length.
  vi.stubGlobal('IdentityTransformStream', TransformStream);
  vi.stubGlobal('FixedLengthStream', function fixed() {
    return new TransformStream();
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('a body that was announced', () => {
  it('is none when it has no bytes, whatever the method', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST']) {
      const request = arriving({ method, announced: 0, source: inPieces() });
      expect(await receive(request)).toEqual({ body: null, upload: undefined });
    }
  });

  it('is refused at once when it is too long', async () => {
    const request = arriving({ announced: 11 });
    await expect(receive(request, 10)).rejects.toThrow('The request body must not be larger than 10 bytes');
  });

  it('is read before an upstream is asked when it is short, so that it can be sent again', async () => {
    const request = arriving({ announced: 10, source: inPieces(4, 6) });
    expect(await receive(request, 10)).toEqual({ body: new Uint8Array(10), upload: undefined });
  });

  it('is the caller’s fault when it does not come', async () => {
    const late = expect(receive(arriving({ announced: 50, source: STALLED }))).rejects.toMatchObject({
      ...{ code: 'request_timeout', status: 408, message: 'Nothing of the request body came for 30 seconds' },
    });
    await vi.advanceTimersByTimeAsync(30_000);
    await late;
  });

  it('is the caller’s fault when it breaks off', async () => {
    const source: Source = { pull: (controller) => controller.error(new Error('the caller is gone')) };
    await expect(receive(arriving({ announced: 50, source }))).rejects.toMatchObject({
      ...{ code: 'bad_request', message: 'The request body broke off' },
    });
  });

  it('is carried piece by piece when it is long', async () => {
    const request = arriving({ announced: 100_000, source: inPieces(...Array<number>(20).fill(5_000)) });
    const { body, upload } = await receive(request);
    expect(body).toBe(upload?.stream);
    expect((await new Response(upload?.stream).bytes()).length).toBe(100_000);
    await vi.advanceTimersByTimeAsync(0);
    expect([upload?.waiting().for, upload?.signal.aborted]).toEqual(['answer', false]);
  });
});

describe('content of a GET or HEAD', () => {
  it.each([
    ['GET', 5],
    ['HEAD', 5],
    ['GET', undefined],
  ])('is refused: %s with the length %s', async (method, announced) => {
    const request = arriving({ method, ...(announced !== undefined && { announced }), source: inPieces(5) });
    await expect(receive(request)).rejects.toMatchObject({
      ...{ code: 'bad_request', message: `A ${method} request cannot be passed on with a body` },
    });
  });

  it('is none where nothing comes', async () => {
    expect(await receive(arriving({ method: 'GET', source: inPieces() }))).toEqual({ body: null, upload: undefined });
  });
});

describe('a body of unknown length', () => {
  it('goes on whole up to its bound', async () => {
    const { upload } = await receive(arriving({ source: inPieces(4, 6) }), 10);
    expect((await new Response(upload?.stream).bytes()).length).toBe(10);
    expect([upload?.signal.aborted, upload?.broken()]).toEqual([false, undefined]);
  });

  it('tells whoever sends it before its stream fails, since a failed stream is sent as one that is over', async () => {
    const { upload } = await receive(arriving({ source: inPieces(8, 8) }), 10);
    const order: string[] = [];
    upload?.signal.addEventListener('abort', () => order.push('signal'));
    const reader = upload?.stream.getReader();
    expect((await reader?.read())?.value?.length).toBe(8);
    await reader?.read().catch(() => order.push('stream'));
    expect(order).toEqual(['signal', 'stream']);
    expect(upload?.broken()).toMatchObject({ code: 'payload_too_large' });
  });

  it('does the same when the caller breaks off', async () => {
    const source: Source = { pull: (controller) => controller.error(new Error('the caller is gone')) };
    const { upload } = await receive(arriving({ source }), 10);
    await expect(upload?.stream.getReader().read()).rejects.toThrow('The request body broke off');
    expect(upload?.signal.aborted).toBe(true);
    expect(upload?.broken()).toMatchObject({ code: 'bad_request' });
  });

  it('does the same when the caller sends nothing for half a minute, and only then', async () => {
    let send: ((bytes: number) => void) | undefined;
    const source: Source = {
      start(controller) {
        send = (bytes) => controller.enqueue(new Uint8Array(bytes));
      },
    };
    const { upload } = await receive(arriving({ source }));
    const reader = upload?.stream.getReader();
    for (let turn = 0; turn < 5; turn += 1) {
      const piece = reader?.read();
      await vi.advanceTimersByTimeAsync(20_000);
      send?.(3);
      expect((await piece)?.value?.length).toBe(3);
    }
    const none = expect(reader?.read()).rejects.toMatchObject({ code: 'request_timeout' });
    await vi.advanceTimersByTimeAsync(30_000);
    await none;
    expect(upload?.broken()).toMatchObject({ code: 'request_timeout' });
  });

  it('may be as slow as it likes once the answer has begun', async () => {
    const { upload } = await receive(arriving({ source: STALLED }));
    upload?.leave();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(upload?.broken()).toBeUndefined();
  });

  it('is let go of when the upstream wants no more of it', async () => {
    const gone = Promise.withResolvers<unknown>();
    const source: Source = {
      ...{ pull: (controller) => controller.enqueue(new Uint8Array(1)), cancel: gone.resolve },
    };
    const { upload } = await receive(arriving({ source }), 10);
    await upload?.stream.cancel('enough');
    expect(await gone.promise).toBe('enough');
  });
});
