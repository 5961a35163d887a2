import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusal.ts';
import { assertCovers } from './balance-rules.ts';

const won = fc.integer({ min: 0, max: 1e12 });

describe('a balance', () => {
  test('covers what is due when it is at least as much', () => {
    fc.assert(fc.property(won, won, (due, more) => refusalOf(() => assertCovers(due + more, due)) === undefined));
  });

  test('is insufficient when a single won is missing', () => {
    fc.assert(
      fc.property(won, (balance) => refusalOf(() => assertCovers(balance, balance + 1)) === 'BALANCE_INSUFFICIENT'),
    );
  });

  test('that does not exist is insufficient, even for nothing', () => {
    expect(refusalOf(() => assertCovers(undefined, 0))).toBe('BALANCE_INSUFFICIENT');
  });

  test('has nothing to do when nothing is due', () => {
    expect(refusalOf(() => assertCovers(0, 0))).toBeUndefined();
  });
});
