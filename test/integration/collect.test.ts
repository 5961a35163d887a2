import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { collectLimits } from '../../router/collect-limits.ts';
import { collectStage, events, json, labels, post } from '../support/collect-stage.ts';

const { open, collector } = collectStage();

describe('what /collect takes', () => {
  test.each<[string, string, number]>([
    ['nothing at all', '{}', 0],
    [
      'lists that are null, as Go writes them',
      '{"events":null,"logs":null,"measurements":null,"exceptions":null,"traces":null}',
      0,
    ],
    [
      'one of each kind',
      '{"events":[{"name":"a"}],"logs":[{"message":"b"}],"measurements":[{"type":"c","values":{"ms":1,"nan":null}}],"exceptions":[{"type":"E","value":"d"}]}',
      4,
    ],
    ['fields it does not know', '{"events":[{"name":"a","new":{"deep":[1]}}],"newer":[]}', 1],
    ['as many items as fit', events(collectLimits.items), collectLimits.items],
  ])('%s', async (_name, body, accepted) => {
    const { url, lines } = await collector();
    expect(await post(url, body)).toMatchObject({ status: 202, body: { accepted } });
    const packed = await post(url, gzipSync(body), { ...json, 'content-encoding': 'gzip' });
    expect(packed).toMatchObject({ status: 202, body: { accepted } });
    expect(lines).toHaveLength(accepted * 2);
  });

  test('traces are counted and not kept', async () => {
    const { url, lines, metrics } = await collector();
    expect((await post(url, '{"traces":{"resourceSpans":[]}}')).status).toBe(202);
    expect(lines).toEqual([]);
    expect(await labels(metrics)).toEqual([
      'collect_items_total{kind="trace"} 1',
      'collect_requests_total{outcome="accepted"} 1',
    ]);
  });

  test('answers no other origin, and reflects nothing', async () => {
    const { url } = await collector();
    const origin = { origin: 'https://evil.example', 'x-faro-session-id': 'reflected?' };
    const { headers } = await post(url, events(1), { ...json, ...origin });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(JSON.stringify([...headers])).not.toMatch(/evil|reflected/);
  });
});

describe('what /collect turns away', () => {
  const gzip = { ...json, 'content-encoding': 'gzip' };
  const tooLong = JSON.stringify({ logs: [{ message: 'x'.repeat(collectLimits.bodyBytes) }] });
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024, 32));
  test.each<[string, string | Uint8Array, Record<string, string>, number, string]>([
    ['an empty body', '', json, 400, 'malformed'],
    ['what is not JSON', '{"events":', json, 400, 'malformed'],
    ['a list', '[]', json, 400, 'malformed'],
    ['a text', '"events"', json, 400, 'malformed'],
    ['null', 'null', json, 400, 'malformed'],
    ['events that are no list', '{"events":{"name":"a"}}', json, 400, 'malformed'],
    ['an event that is a text', '{"events":["a"]}', json, 400, 'malformed'],
    ['an event without a name', '{"events":[{}]}', json, 400, 'malformed'],
    ['a name that is a number', '{"events":[{"name":1}]}', json, 400, 'malformed'],
    ['a log without a message', '{"logs":[{"level":"info"}]}', json, 400, 'malformed'],
    ['a measurement of texts', '{"measurements":[{"type":"a","values":{"ms":"1"}}]}', json, 400, 'malformed'],
    ['a measurement without values', '{"measurements":[{"type":"a"}]}', json, 400, 'malformed'],
    ['an exception without a value', '{"exceptions":[{"type":"E"}]}', json, 400, 'malformed'],
    ['a meta that is a list', '{"meta":[]}', json, 400, 'malformed'],
    ['a session that is a number', '{"meta":{"session":{"id":1}}}', json, 400, 'malformed'],
    ['one bad item among good ones', '{"events":[{"name":"a"},{"name":null}]}', json, 400, 'malformed'],
    ['depth without end', `{"traces":${'['.repeat(60_000)}`, json, 400, 'malformed'],
    ['what is not gzip', '{}', gzip, 400, 'malformed'],
    ['gzip that breaks off', gzipSync('{"events":[]}').subarray(0, 15), gzip, 400, 'malformed'],
    ['too many bytes', tooLong, json, 413, 'too_large'],
    ['too many bytes once unpacked', gzipSync(tooLong), gzip, 413, 'too_large'],
    ['a bomb', bomb, gzip, 413, 'too_large'],
    ['too many items', events(collectLimits.items + 1), json, 413, 'too_large'],
    ['plain text, which any page may send', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported'],
    ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported'],
    ['another packing', '{}', { ...json, 'content-encoding': 'br' }, 415, 'unsupported'],
  ])('%s', async (_name, body, headers, status, outcome) => {
    const { url, lines, metrics } = await collector();
    const answer = await post(url, body, headers);
    expect(answer).toMatchObject({ status, body: { status, code: expect.any(String) } });
    expect(lines).toEqual([]);
    expect(await labels(metrics)).toEqual([`collect_requests_total{outcome="${outcome}"} 1`]);
    expect((await post(url, events(1))).status).toBe(202); // and goes on
  });

  test('a body without a length is cut off at the limit', async () => {
    const { url } = await collector();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const req = request(url, { method: 'POST', headers: json }, (res) => {
        res.resume();
        resolve(res.statusCode);
      });
      req.on('error', reject);
      req.write(`{"logs":[{"message":"${'x'.repeat(collectLimits.bodyBytes)}`); // and never ends
      open.push(async () => void req.destroy());
    });
    expect(status).toBe(413);
  });

  test('who does not show the key', async () => {
    const { url, lines, metrics } = await collector({ apiKey: 'a-long-enough-key' });
    for (const key of [undefined, '', 'a-long-enough-ke', 'a-long-enough-key2'])
      expect((await post(url, events(1), key === undefined ? json : { ...json, 'x-api-key': key })).status).toBe(401);
    expect(lines).toEqual([]);
    expect((await post(url, events(1), { ...json, 'x-api-key': 'a-long-enough-key' })).status).toBe(202);
    expect(await labels(metrics)).toContain('collect_requests_total{outcome="unauthorized"} 4');
  });

  test('who sends too often, and when to come again', async () => {
    let now = 0;
    const { url, metrics } = await collector({ now: () => now });
    const { burst, perSecond } = collectLimits.requestsOfAddress;
    for (let i = 0; i < burst; i += 1) expect((await post(url, '{}')).status).toBe(202);
    const limited = await post(url, '{}');
    expect(limited).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(limited.headers.get('retry-after')).toBe('1');
    now += 1_000;
    const after = await Promise.all(Array.from({ length: perSecond + 5 }, () => post(url, '{}')));
    expect(after.filter(({ status }) => status === 202)).toHaveLength(perSecond);
    expect(await labels(metrics)).toContain('collect_requests_total{outcome="limited"} 6');
  });

  test('more items than all may send together: none of the post is taken', async () => {
    const { url, lines } = await collector({ now: () => 0 });
    const { burst } = collectLimits.itemsTaken;
    for (let i = 0; i < burst / collectLimits.items; i += 1)
      expect((await post(url, events(collectLimits.items))).status).toBe(202);
    expect((await post(url, events(2))).status).toBe(429);
    expect(lines).toHaveLength(burst);
  });

  test('everybody, while payments need the router', async () => {
    let busy = true;
    const { url, lines, metrics } = await collector({ busy: () => busy });
    const shed = await post(url, events(1));
    expect(shed).toMatchObject({ status: 503, body: { code: 'OVERLOADED' } });
    expect(shed.headers.get('retry-after')).toBe('1');
    expect(lines).toEqual([]);
    busy = false;
    expect((await post(url, events(1))).status).toBe(202);
    expect(await labels(metrics)).toContain('collect_requests_total{outcome="shed"} 1');
  });
});

test('nothing from outside becomes a label, whatever is sent', async () => {
  const { url, metrics, lines } = await collector();
  const outside = fc.string({ unit: 'grapheme-ascii', minLength: 3, maxLength: 20 }).map((text) => `outside ${text}`);
  const item = fc.record({
    name: outside,
    message: outside,
    type: outside,
    value: outside,
    kind: outside,
    outcome: outside,
    values: fc.dictionary(outside, fc.integer()),
  });
  const list = fc.oneof({ weight: 9, arbitrary: fc.array(item, { maxLength: 3 }) }, outside);
  const body = fc.record(
    {
      events: list,
      logs: list,
      measurements: list,
      exceptions: list,
      meta: fc.record({ app: fc.record({ name: outside }) }),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(body, outside, async (sent, header) => {
      const session = header.replaceAll(/[^\w ]/g, '');
      const { status } = await post(url, JSON.stringify(sent), {
        ...json,
        'x-faro-session-id': session,
        'user-agent': session,
      });
      expect([202, 400]).toContain(status);
    }),
    { numRuns: 60 },
  );
  expect(lines.length).toBeGreaterThan(20);
  const text = await metrics.registry.metrics();
  expect(text).not.toContain('outside');
  const kinds = ['event', 'exception', 'log', 'measurement'].map((kind) => `collect_items_total{kind="${kind}"}`);
  const posts = ['accepted', 'malformed'].map((outcome) => `collect_requests_total{outcome="${outcome}"}`);
  expect((await labels(metrics)).map((line) => line.replace(/ \d+$/, ''))).toEqual([...kinds, ...posts]);
});
