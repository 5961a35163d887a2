import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { postEvents } from './post-events.ts';

const running: (() => void)[] = [];
afterEach(() => {
  for (const stop of running.splice(0)) stop();
});

async function http(answer: RequestListener): Promise<string> {
  const server = createHttpServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  running.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** One that speaks something else than HTTP. */
async function tcp(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  running.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const one = [{ event_id: 5, order_id: 7, event_type: 'order.created', event_data: { a: 1 }, retry_count: 0 }];
const post = (url: string, timeoutMs = 5_000, signal = new AbortController().signal) =>
  postEvents(url, one, timeoutMs, signal);

describe('what a target answers', () => {
  test.each([
    [200, 'taken'],
    [204, 'taken'],
    [400, 'refused'],
    [409, 'refused'],
    [413, 'refused'],
    [422, 'refused'],
    [401, 'unavailable'],
    [403, 'unavailable'],
    [404, 'unavailable'],
    [408, 'unavailable'],
    [429, 'unavailable'],
    [301, 'unavailable'],
    [307, 'unavailable'],
    [500, 'broken'],
    [501, 'broken'],
    [502, 'unavailable'],
    [503, 'unavailable'],
    [504, 'unavailable'],
  ])('%i is %s', async (status, kind) => {
    let asked = 0;
    const url = await http((req, res) => {
      req.resume();
      asked += 1;
      res.writeHead(status, { location: '/elsewhere' }).end();
    });
    expect((await post(url)).kind).toBe(kind);
    expect(asked).toBe(1); // a redirect is not followed
  });

  test('is sent each event with its id, which is the key of a repetition', async () => {
    let body = '';
    const url = await http((req, res) => {
      req.on('data', (chunk) => (body += String(chunk))).on('end', () => res.end());
    });
    await post(url);
    expect(JSON.parse(body)).toEqual([{ eventId: '5', type: 'order.created', orderId: 7, data: { a: 1 } }]);
  });

  test('is cut to what a person can read, and what a database and a terminal can take', async () => {
    const url = await http((req, res) => {
      req.resume();
      res.writeHead(400).end(`a\u0000b\u001b[31m${'x'.repeat(1_000)}`);
    });
    const answer = await post(url);
    expect(answer).toEqual({ kind: 'refused', error: expect.stringMatching(/^HTTP 400: a b \[31mx+$/) as unknown });
    expect(JSON.stringify(answer).length).toBeLessThan(300);
  });

  test('is not read to the end when it has none; the status has decided', async () => {
    let closed = 0;
    let written = 0;
    const url = await http((req, res) => {
      req.resume();
      res.writeHead(202);
      const more = (): void => {
        for (; !res.destroyed && written < 1e9; written += 65_536) if (!res.write(Buffer.alloc(65_536, 'x'))) break;
      };
      res.on('drain', more).on('close', () => (closed += 1));
      more();
    });
    expect(await post(url)).toEqual({ kind: 'taken' });
    while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(written).toBeLessThan(1e8);
  });

  test('that breaks off after its status says what the status says', async () => {
    const url = await tcp((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 No\r\ncontent-length: 100\r\n\r\nhalf'));
    });
    expect(await post(url)).toEqual({ kind: 'refused', error: 'HTTP 400: (the answer broke off)' });
  });

  test.each([
    ['30', 30_000],
    ['0', 0],
    ['soon', undefined],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ])('retry-after %s is %p ms of patience', async (value, ms) => {
    const url = await http((req, res) => {
      req.resume();
      res.writeHead(429, { 'retry-after': value }).end();
    });
    expect(await post(url)).toEqual({
      kind: 'unavailable',
      error: 'HTTP 429',
      ...(ms === undefined ? {} : { retryAfterMs: ms }),
    });
  });

  test('retry-after may be a date to come', async () => {
    const url = await http((req, res) => {
      req.resume();
      res.sendDate = false;
      res.writeHead(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end();
    });
    const { retryAfterMs = 0 } = (await post(url)) as { retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(50_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test('a date to come counts by the clock of who gave it, however wrong ours is', async () => {
    const [date, until] = ['Wed, 21 Oct 2015 07:28:00 GMT', 'Wed, 21 Oct 2015 07:28:30 GMT'];
    const url = await http((req, res) => {
      req.resume();
      res.writeHead(503, { date, 'retry-after': until }).end();
    });
    expect(await post(url)).toMatchObject({ retryAfterMs: 30_000 });
  });
});

describe('a target that does not answer', () => {
  test('never: it is not there', async () => {
    expect(await post(await tcp(() => undefined), 50)).toMatchObject({ kind: 'unavailable' });
  });

  test('garbage: it is not there', async () => {
    const url = await tcp((socket) => {
      socket.once('data', () => socket.end('\u0000SSH-2.0-nothing for you\r\n'));
    });
    expect(await post(url)).toMatchObject({ kind: 'unavailable', error: expect.any(String) as unknown });
  });

  test('but closes the connection: an event may be at fault', async () => {
    const url = await tcp((socket) => {
      socket.once('data', () => socket.destroy());
    });
    expect((await post(url)).kind).toBe('broken');
  });

  test('nobody listens: the error says so', async () => {
    expect(await post('http://127.0.0.1:1/')).toMatchObject({
      kind: 'unavailable',
      error: expect.stringMatching(/^fetch failed: /) as unknown,
    });
  });

  test('and we do not wait for: cut off by our signal', async () => {
    const cut = new AbortController();
    const url = await tcp((socket) => {
      socket.once('data', () => {
        cut.abort(new Error('we stop'));
      });
    });
    expect(await post(url, 5_000, cut.signal)).toEqual({ kind: 'unavailable', error: 'we stop' });
  });
});
