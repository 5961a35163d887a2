import { describe, expect, test } from '@jest/globals';
import { momentOf } from './when.ts';

const now = new Date('2026-03-01T12:00:00Z');

describe('a moment', () => {
  test.each([
    ['2026-02-28T03:00:00Z', '2026-02-28T03:00:00.000Z'],
    ['2026-02-28T03:00+09:00', '2026-02-27T18:00:00.000Z'],
    ['2026-02-28 03:00', '2026-02-28T03:00:00.000Z'],
    ['2026-02-28', '2026-02-28T00:00:00.000Z'],
    ['24h', '2026-02-28T12:00:00.000Z'],
    ['90m', '2026-03-01T10:30:00.000Z'],
    ['7d', '2026-02-22T12:00:00.000Z'],
    ['0s', '2026-03-01T12:00:00.000Z'],
  ])('%s is %s', (text, iso) => {
    expect((momentOf(text, now) as Date).toISOString()).toBe(iso);
  });

  test.each([
    '',
    'yesterday',
    '24',
    '1y',
    '-1h',
    '2026-02-30',
    '2026-13-01',
    '2026-02-28T25:00',
    '1709251200',
    '2026-02-28; drop',
  ])("'%s' is none, and the message shows one", (text) => {
    expect(momentOf(text, now)).toMatch(/is no moment: give one like 2026-11-22T03:00:00Z, or .* 24h/);
  });

  test('that has not come yet is refused', () => {
    expect(momentOf('2026-03-01T12:00:01Z', now)).toBe(
      '2026-03-01T12:00:01.000Z is in the future: nothing has changed since',
    );
  });
});
