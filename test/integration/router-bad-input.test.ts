import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { call } from '../support/api-client.ts';
import { routerStage } from '../support/router-stage.ts';

const on = routerStage();
const { pay, everything } = on;

describe('bad input gets a problem and changes nothing', () => {
  const bodies: [string, unknown, number][] = [
    ['no JSON', '{"userId":', 400],
    ['an empty body', '', 400],
    ['null', 'null', 400],
    ['an array', [42], 400],
    ['a number', '42', 400],
    ['no user', {}, 400],
    ['a user of null', { userId: null }, 400],
    ['a text for a user', { userId: '42' }, 400],
    ['a negative user', { userId: -1 }, 400],
    ['user 0', { userId: 0 }, 400],
    ['a fraction of a user', { userId: 1.5 }, 400],
    ['a user beyond 2^53', '{"userId": 9007199254740993}', 400],
    ['a user beyond all', '{"userId": 1e400}', 400],
    ['a coupon of text', { userId: 1, couponId: 'x' }, 400],
    ['a coupon beyond 2^53', '{"userId": 1, "couponId": 9007199254740992}', 400],
    ['a misspelt coupon', { userId: 1, couponID: 7 }, 400],
    ['a body over the limit', { userId: 1, filler: 'x'.repeat(20_000) }, 413],
    ['an NUL in the body', '{"userId": "\u0000"}', 400],
  ];
  test.each(bodies)('%s', async (_name, body, status) => {
    const { id } = await on.store.payable();
    const before = await everything();
    const reply = await pay(id, body);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(reply.body).toMatchObject({
      status,
      code: expect.any(String),
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(await everything()).toEqual(before);
  });

  test.each(['0', '-1', '1.5', 'abc', 'null', '1e3', '9007199254740992', '99999999999999999999', '%00', '01', '%ff'])(
    'order id %s',
    async (orderId) => {
      expect(await pay(orderId, { userId: 1 })).toMatchObject({ status: 400, body: { code: 'MALFORMED_REQUEST' } });
    },
  );

  test('another media type, or none', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/json; charset=latin1']) {
      const reply = await pay(1, '{"userId":1}', on.monolith, { 'content-type': type });
      expect(reply).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
    }
    expect((await call('POST', `${on.monolith.url}/v1/orders/1/payments`)).status).toBe(415);
  });

  test('unknown paths and wrong methods', async () => {
    expect(await call('GET', `${on.monolith.url}/nothing/here`)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    expect(await call('POST', `${on.monolith.url}/`, {})).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    for (const [method, path, allow] of [
      ['GET', '/v1/orders/1/payments', 'POST'],
      ['DELETE', '/v1/orders/1', 'GET, HEAD'],
      ['PUT', '/v1/orders', 'POST'],
      ['POST', '/v1/sagas/1', 'GET, HEAD'],
      ['POST', '/metrics', 'GET, HEAD'],
    ] as const) {
      const reply = await call(method, `${on.monolith.url}${path}`);
      expect(reply).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
      expect(reply.headers.get('allow')).toBe(allow);
    }
  });

  test('10 MB are turned away by their announced length, and by what has arrived when none was announced', async () => {
    const megabytes = Buffer.alloc(10 * 1024 * 1024, 'x');
    expect(await pay(1, megabytes.toString())).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const req = request(
        `${on.monolith.url}/v1/orders/1/payments`,
        { method: 'POST', headers: { 'content-type': 'application/json' } },
        (res) => {
          res.resume();
          resolve(res.statusCode);
        },
      );
      req.on('error', reject);
      for (let at = 0; at < megabytes.length; at += 65_536) req.write(megabytes.subarray(at, at + 65_536));
      req.end();
    });
    expect(chunked).toBe(413);
  });

  test('who goes on sending after a 413 is cut off', async () => {
    const { hostname, port } = new URL(on.monolith.url);
    const socket = connect(Number(port), hostname);
    const closed = new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(text);
      });
    });
    socket.write(
      'POST /v1/orders/1/payments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10000000\r\n\r\n{',
    );
    expect(await closed).toMatch(/^HTTP\/1.1 413 /);
  });

  test('a client that hangs up in mid-body leaves nothing behind', async () => {
    const before = await everything();
    const { hostname, port } = new URL(on.monolith.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'POST /v1/orders/1/payments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"us',
    );
    await new Promise((resolve) => {
      socket.once('ready', resolve);
    });
    socket.destroy();
    expect((await call('GET', `${on.monolith.url}/healthz`)).status).toBe(200);
    expect(await everything()).toEqual(before);
  });
});
