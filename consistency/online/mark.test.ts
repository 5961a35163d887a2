import { describe, expect, test } from '@jest/globals';
import { floorFor, lastOf, type Mark, type Marks, withMark } from './mark.ts';

const mark = (xmin: number, xmax: number, id: number): Mark => ({
  snapshot: `${xmin}:${xmax}:`,
  xmin: BigInt(xmin),
  xmax: BigInt(xmax),
  lastIds: { balance_ledger: id, stock_ledger: id, payments: id, external_event_log: id },
});
const whole = { balance_ledger: 0, stock_ledger: 0, payments: 0 };

describe('the floor', () => {
  test('is one mark behind the latest that everything in work at the last has outlived', () => {
    const marks: Marks = [mark(1, 10, 100), mark(10, 20, 200), mark(20, 30, 300), mark(25, 40, 400)];
    expect(floorFor(marks)).toEqual({ ids: marks[0].lastIds, recent: marks[0] });
    expect(floorFor([...marks, mark(40, 50, 500)]).ids.payments).toBe(300);
  });

  test('is the beginning while a transaction is open that is older than every mark', () => {
    const marks: Marks = [mark(5, 10, 100), mark(5, 20, 200), mark(5, 30, 300)];
    expect(floorFor(marks)).toEqual({ ids: whole, recent: marks[0] });
  });
});

describe('the marks that are kept', () => {
  test('are those that a floor can still come from', () => {
    let marks: Marks = [mark(1, 10, 100)];
    for (let n = 1; n <= 50; n++) marks = withMark(marks, mark(10 * n, 10 * n + 10, 100 * n));
    expect(marks).toHaveLength(3);
    expect(lastOf(marks).lastIds.payments).toBe(5_000);
  });

  test('are no more for a transaction that stays open for hours, whose floor stays', () => {
    let marks: Marks = [mark(1, 9, 1), mark(9, 10, 2)];
    const before = floorFor(marks);
    for (let n = 1; n <= 5_000; n++) marks = withMark(marks, mark(10, 10 + n, 10 * n));
    expect(marks.length).toBeLessThanOrEqual(1_002);
    expect(floorFor(marks).ids.payments).toBe(1);
    expect(before.ids).toEqual(whole);
  });
});
