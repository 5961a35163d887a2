import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import { ownFolder } from '../support/own-folder.ts';
import { type FreshDatabase, freshDatabase } from '../support/services.ts';
import { verifyCommand } from '../support/verify-command.ts';

const folder = ownFolder('client-log-files');
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

describe('a client log that is none', () => {
  const header = '{"log":"sagashift-operations","version":1}\n';
  const line =
    '{"orderId":1,"userId":2,"couponId":null,"attempt":1,"invokedAt":1,"endedAt":2,"outcome":"paid","code":null,"paymentId":3,"status":201}\n';
  test.each([
    [2, 'a file of another kind', 'hello\n', /line 1: not JSON: hello/],
    [2, 'JSON of another kind', '{"a":1}\n', /line 1: not the header of an operation log/],
    [2, 'null', 'null\n', /line 1: not the header/],
    [2, 'a later version', header.replace('1}', '2}'), /is an operation log of version 2; this program reads 1/],
    [2, 'a line that is cut', header + line + line.slice(0, 40), /line 3: the last line is cut/],
    [2, 'garbage in its midst', `${header}${line}\u0000\n${line}`, /line 3: not JSON/],
    [2, 'an outcome that is none', header + line.replace('paid', 'maybe'), /line 2: outcome: /],
    [2, 'a payment without its id', header + line.replace('"paymentId":3', '"paymentId":null'), /line 2: paymentId: /],
    [2, 'an order of text', header + line + line.replace('"orderId":1', '"orderId":"1"'), /line 3: orderId: /],
    [2, 'a line without end', header + 'x'.repeat(200_000), /line 2: longer than 65536 characters/],
    [
      2,
      'a gzip that is cut',
      gzipSync(header + line.repeat(100)).subarray(0, 60),
      /cannot be read to its end.*unexpected end/,
    ],
    [2, 'a gzip that is none', Buffer.from([0x1f, 0x8b, 1, 2, 3]), /cannot be read to its end/],
    [3, 'an empty file', '', /nothing examined: .* holds no request/],
    [3, 'a header alone', header, /nothing examined/],
  ])('ends with %d for %s', async (code, name, content, message) => {
    const reply = await verifyCommand(database.url, ['--client-log', folder.write(name.replaceAll(' ', '-'), content)]);
    expect(reply.err).toMatch(message);
    expect(reply.code).toBe(code);
  });

  test('holds no more than so many requests for one order', async () => {
    const many = Array.from({ length: 10_001 }, () => ({ orderId: 1, outcome: 'unknown' as const }));
    await expect(verifyClientLog(database.url, many)).rejects.toThrow('more than 10000 requests for order 1');
  });
});
