import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refusalOf } from '../../test/support/refusal.ts';
import { assertTotalsAddUp } from './order-rules.ts';

const lines = fc.array(
  fc.record({ qty: fc.integer({ min: 1, max: 1_000 }), unitPrice: fc.integer({ min: 1, max: 1_000_000 }) }),
  { minLength: 1, maxLength: 8 },
);
const sumOf = (of: readonly { qty: number; unitPrice: number }[]) =>
  of.reduce((sum, line) => sum + line.qty * line.unitPrice, 0);

describe('an order’s total', () => {
  test('is sound when the lines add up to it', () => {
    fc.assert(fc.property(lines, (of) => refusalOf(() => assertTotalsAddUp(sumOf(of), of)) === undefined));
  });

  test('is refused when it is off by anything', () => {
    fc.assert(
      fc.property(
        lines,
        fc.integer({ min: -1_000, max: 1_000 }).filter((off) => off !== 0),
        (of, off) => refusalOf(() => assertTotalsAddUp(sumOf(of) + off, of)) === 'VALIDATION_FAILED',
      ),
    );
  });

  test.each([
    ['no lines', 0, []],
    ['lines that cost nothing', 0, [{ qty: 3, unitPrice: 0 }]],
    ['a negative total that its line agrees with', -5, [{ qty: 1, unitPrice: -5 }]],
  ])('is refused with %s: there is nothing to pay', (_, total, of) => {
    expect(refusalOf(() => assertTotalsAddUp(total, of))).toBe('VALIDATION_FAILED');
  });
});
