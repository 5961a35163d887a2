import { describe, expect, test } from '@jest/globals';
import { cell, durationText, table } from './terminal-table.ts';

describe('a table for a terminal', () => {
  test('has columns as wide as they must be, numbers to the right, and no line for nothing', () => {
    const lines = [
      ['7', 'a', 'x'],
      ['1234567', 'bbbbb', ''],
    ];
    expect(table(['ID', 'NAME', 'END'], lines)).toBe('     ID  NAME   END\n      7  a      x\n1234567  bbbbb\n');
    expect(table(['ID'], [])).toBe('');
  });

  test('takes what moves a cursor or breaks a line out of texts from elsewhere, and cuts long ones', () => {
    expect(cell('a\u001B[2Jb\r\nc\t')).toBe('a [2Jb c');
    expect(cell('x'.repeat(81))).toBe(`${'x'.repeat(77)}...`);
    expect(cell('x'.repeat(81), 100)).toHaveLength(81);
  });
});

test.each([
  [-5, '0.0s'],
  [9_960, '10.0s'],
  [10_900, '10s'],
  [59_999, '59s'],
  [65_000, '1m 5s'],
  [3_600_000, '1h 0m'],
  [90_061_000, '1d 1h'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
