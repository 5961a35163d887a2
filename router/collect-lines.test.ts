import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLog } from '../runtime/log.ts';
import { lineOf } from './collect-lines.ts';
import { collectBody, itemsOf } from './collect-payload.ts';

const event = (attributes: Record<string, unknown>) => ({ kind: 'event', item: { name: 'e', attributes } }) as const;

describe('the log line of an item', () => {
  test('names kind, app, session and page; the query of a page stays away', () => {
    const meta = {
      app: { name: 'shop' },
      session: { id: 's1' },
      page: { url: 'https://shop.example/pay?card=4111#x' },
      user: { email: 'kim@example.com' },
    };
    expect(lineOf(event({ a: '1' }), meta, 'of the header')).toEqual({
      kind: 'event',
      app: 'shop',
      session: 's1',
      page: 'https://shop.example/pay',
      item: { name: 'e', attributes: { a: '1' } },
    });
    expect(lineOf(event({}), undefined, 'of the header')).toMatchObject({
      app: '',
      session: 'of the header',
      page: '',
    });
  });

  test('shows what a terminal would act on instead of sending it there', () => {
    const { item } = lineOf(event({ text: 'a\u009b2Jb\u202ec\u2028d\u007f' }), null, '') as { item: unknown };
    expect(item).toMatchObject({ attributes: { text: 'a\\u009b2Jb\\u202ec\\u2028d\\u007f' } });
  });

  test.each<[string, Record<string, unknown>]>([
    ['a long text', { text: 'x'.repeat(100_000) }],
    ['many texts', Object.fromEntries(Array.from({ length: 5_000 }, (_none, i) => [`k${i}`, 'y'.repeat(50)]))],
    ['many numbers', { list: Array.from({ length: 30 }, () => Array.from({ length: 900 }, () => 1.23456789e-9)) }],
    ['a long key', { ['k'.repeat(100_000)]: 1 }],
    ['depth', { deep: JSON.parse('[{"a":'.repeat(9_000) + '1' + '}]'.repeat(9_000)) as unknown }],
    [
      'a list of lists of lists',
      { wide: Array.from({ length: 40 }, () => Array.from({ length: 40 }, () => [[[[1]]]])) },
    ],
  ])('is cut: %s', (_name, attributes) => {
    const text = JSON.stringify(lineOf(event(attributes), null, ''));
    expect(text.length).toBeLessThan(6_000);
    expect(text).toContain('…');
  });

  test('whatever is sent becomes one line of JSON whose own fields nobody can write', () => {
    const strange = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', 'level', 'msg', 'time', '\n{"level":60}'),
    );
    fc.assert(
      fc.property(fc.dictionary(strange, fc.oneof(strange, fc.jsonValue())), strange, (attributes, name) => {
        const lines: string[] = [];
        const log = createLog('router', 'info', { write: (line) => lines.push(line) });
        const sent = JSON.stringify({ meta: { app: { name } }, events: [{ name, attributes, level: 60, msg: name }] });
        for (const one of itemsOf(collectBody.parse(JSON.parse(sent))))
          log.info(lineOf(one, { app: { name } }, name), 'collected');
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(/^[^\p{Cc}\u2028\u2029\u202e]*\n$/u);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({
          level: 30,
          name: 'router',
          msg: 'collected',
          kind: 'event',
        });
      }),
    );
  });
});
