import { describe, expect, test } from '@jest/globals';
import { roundOf } from '../../test/support/bench-result.ts';
import { parseCommand } from '../options.ts';
import { fitWindow, modes, orderOfArms, type Plan, planRun } from '../plan.ts';
import type { Operation } from '../load/operation.ts';
import { countSettled } from './counting.ts';
import { createProgress } from './progress.ts';
import { surprisesOf } from './told.ts';
import { judge } from './validity.ts';

function planOf(...argv: string[]): Plan {
  const command = parseCommand(argv);
  if (command.name !== 'run') throw new Error(command.name);
  return planRun(command.options);
}

const operation = (orderId: number, change: Partial<Operation> = {}): Operation => ({
  orderId,
  userId: 1,
  couponId: null,
  expect: 'PAID',
  intendedAt: 90,
  startedAt: 90,
  endedAt: 150,
  status: 201,
  outcome: 'paid',
  code: null,
  paymentId: orderId,
  engine: 'legacy',
  ...change,
});
const row = (id: number, status = 'PAID', engine: string | null = 'legacy') => ({
  id,
  status,
  engine,
  refusalCode: null,
});

describe('plan', () => {
  test('a default run has all engines in four scenarios and both in coexist', () => {
    const plan = planOf();
    expect(plan.scenarios.map(({ scenario, arms }) => [scenario.name, arms.length])).toEqual([
      ['bare', 4],
      ['seed', 4],
      ['hot-product', 4],
      ['failures', 4],
      ['coexist', 1],
    ]);
    expect(plan).toMatchObject({ rounds: 3, budgetSeconds: 420 });
    for (const { dataset, ordersPerRound } of plan.scenarios)
      expect(dataset.orders).toBeGreaterThanOrEqual(ordersPerRound * 3);
  });

  test('a full run measures the lean monolith twice, except where it does not run', () => {
    const plan = planOf('--full');
    expect(plan.scenarios[0]?.arms.filter((arm) => arm.control)).toMatchObject([
      { name: 'legacy-lean (A/A)', engine: 'legacy-lean' },
    ]);
    expect(plan.scenarios.find(({ scenario }) => scenario.name === 'coexist')?.arms).toHaveLength(1);
    expect(planOf('--full', '--engines', 'orchestration').scenarios[0]?.arms.at(-1)?.name).toBe('orchestration (A/A)');
  });

  test('an engine that takes no part in the scenario leaves nothing but both sides of coexist', () => {
    expect(planOf('--engines', 'legacy', '--scenario', 'coexist').scenarios[0]?.arms).toMatchObject([
      { name: 'coexist' },
    ]);
  });

  test('the order of the arms is shuffled by seed and round, and the same again for the same seed', () => {
    const [bare] = planOf().scenarios;
    if (bare === undefined) throw new Error('none');
    const orders = Array.from({ length: 20 }, (_, round) => orderOfArms(bare, round, 1).map((arm) => arm.name));
    expect(Array.from({ length: 20 }, (_, round) => orderOfArms(bare, round, 1).map((arm) => arm.name))).toEqual(
      orders,
    );
    for (const order of orders)
      expect([...order].sort()).toEqual(['choreography', 'legacy', 'legacy-lean', 'orchestration']);
    expect(new Set(orders.map((order) => order[0])).size).toBe(4);
  });

  test('windows shrink to keep within the time of the mode, and not below the shortest', () => {
    const plan = planOf();
    expect(fitWindow(plan, 0, 5)).toBeLessThanOrEqual(plan.windowSeconds);
    expect(fitWindow(plan, 4, 10)).toBe(plan.windowSeconds);
    expect(fitWindow(plan, 0, 419)).toBe(modes.default.shortestWindowSeconds);
    expect(fitWindow(planOf('--duration', '9'), 0, 10_000)).toBe(9);
  });
});

describe('counting', () => {
  test('a payment counts when driver and database agree and it ended in the window', () => {
    const operations = [
      operation(1),
      operation(2, { endedAt: 99 }),
      operation(3, { endedAt: 200 }),
      operation(4, { outcome: 'refused', code: 'COUPON_UNUSABLE', status: 422, expect: 'COUPON_UNUSABLE' }),
      operation(5, { outcome: 'unknown', status: 0 }),
      operation(6),
    ];
    const rows = [
      row(1),
      row(2),
      row(3),
      row(4, 'VALIDATION_FAILED'),
      row(5),
      row(7, 'PAID', 'other'),
      row(8, 'PAYING', null),
    ];
    const counted = countSettled(operations, rows, [100, 200], ['legacy']);
    expect(counted.counting).toEqual({ driver: 5, database: 4, unseen: 2, otherEngine: 1 });
    expect(counted.settledInWindow.map((one) => one.orderId)).toEqual([1, 4]);
    expect(counted.settledByEngine).toEqual({ legacy: 2 });
  });

  test('an answer that the data were not made for is a surprise', () => {
    const operations = [
      operation(1, { expect: 'PAYMENT_FAILED' }),
      operation(2, { outcome: 'refused', code: 'STOCK_INSUFFICIENT' }),
    ];
    expect(surprisesOf([...operations, operation(3)])).toEqual(operations);
  });
});

describe('whether a round counts', () => {
  test('a clean one does', () => {
    expect(judge(roundOf(1, 100), [])).toEqual({ valid: true, reasons: [], noisy: false });
  });

  test.each([
    [
      'the driver and the database differ',
      { counting: { driver: 5, database: 4, unseen: 0, otherEngine: 0 } },
      /driver saw 5/,
    ],
    [
      'another engine worked',
      { counting: { driver: 4, database: 4, unseen: 0, otherEngine: 2 } },
      /2 orders were worked on by another engine/,
    ],
    [
      'a backlog was left',
      { drain: { seconds: 9, openSagas: 900, undelivered: 0, underOneSecond: false, drained: true } },
      /900 open sagas/,
    ],
    [
      'it did not drain',
      { drain: { seconds: 30, openSagas: 0, undelivered: 1, underOneSecond: true, drained: false } },
      /did not drain/,
    ],
    ['nothing settled', { outcomes: { paid: 0, refused: 0, failed: 9, unknown: 0 } }, /no payment/],
  ])('not when %s', (_, change, reason) => {
    const judged = judge(roundOf(1, 100, change), []);
    expect(judged.valid).toBe(false);
    expect(judged.reasons.join()).toMatch(reason);
  });

  test('not when a process died; noise is marked and counts', () => {
    expect(judge(roundOf(1, 100), ['router ended (SIGKILL)']).reasons.join()).toMatch(/router ended/);
    expect(judge(roundOf(1, 100, { foreignCores: 0.9 }), [])).toMatchObject({ valid: true, noisy: true });
  });
});

describe('progress', () => {
  const lines = (isTTY: boolean) => {
    const written: string[] = [];
    let now = 0;
    const progress = createProgress(
      { isTTY, columns: 20, write: (text: string) => written.push(text) },
      () => (now += 61_000),
    );
    progress.now('a long line that does not fit');
    progress.note('kept');
    progress.done();
    return written;
  };

  test('is one line drawn again on a terminal, cut to its width', () => {
    expect(lines(true)).toEqual([
      '\r\u001b[2K 1:01  a long line ',
      '\r\u001b[2Kkept\n',
      '\r\u001b[2K 1:01  a long line ',
      '\r\u001b[2K',
    ]);
  });

  test('is plain lines elsewhere', () => {
    expect(lines(false)).toEqual([' 1:01  a long line that does not fit\n', 'kept\n']);
  });
});
