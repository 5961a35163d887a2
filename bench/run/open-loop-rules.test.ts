import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'hdr-histogram-js';
import { armOf, resultOf, roundOf } from '../../test/support/bench-result.ts';
import { bench } from '../command.ts';
import { judgeKpis } from '../kpi.ts';
import { k6Driver } from '../load/k6.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { type Operation, tally } from '../load/operation.ts';
import { parseCommand } from '../options.ts';
import { planRun } from '../plan.ts';
import { renderReport } from '../report/report.ts';
import { type Result, resultSchema, type RoundResult } from '../result.ts';
import { latencyCurve, summarise } from '../statistics/percentiles.ts';
import { resultTable, troubles } from '../terminal/result-table.ts';
import { conclude } from './conclude.ts';
import { countSettled } from './counting.ts';
import { driverOf, k6Thresholds } from './driver-of.ts';
import { offeredOf } from './offered.ts';
import { judge } from './validity.ts';

const operation = (orderId: number, intendedAt: number, startedAt: number, endedAt: number): Operation => ({
  ...{ orderId, userId: 1, couponId: null, expect: 'PAID', intendedAt, startedAt, endedAt },
  ...{ status: 201, outcome: 'paid', code: null, paymentId: orderId, engine: 'legacy' },
});

const planOf = (...argv: string[]) => {
  const command = parseCommand(argv);
  if (command.name !== 'run') throw new Error(command.name);
  return planRun(command.options);
};

const offered = (change: Partial<NonNullable<RoundResult['offered']>> = {}): RoundResult['offered'] => ({
  ...{ ratePerSecond: 60, sentPerSecond: 60, arrivals: 270, unserved: 0, unservedInWindow: 0 },
  sendLagMs: { p50: 0.5, p99: 2, max: 4 },
  thresholds: [
    { metric: 'success', expression: 'rate>=0.999', passed: true },
    { metric: 'availability', expression: 'rate>=0.9999', passed: true },
  ],
  ...change,
});

/** Two rounds of each engine; the monolith had nobody to send a tenth. */
function openResult(): Result {
  const rounds = (change?: Parameters<typeof offered>[0]) =>
    [1, 2].map((n) => roundOf(n, 60, { offered: offered(change) }));
  const slow = { unserved: 27, unservedInWindow: 20, sendLagMs: { p50: 1, p99: 9.5, max: 20 } };
  const failed = { thresholds: [{ metric: 'success', expression: 'rate>=0.999', passed: false }] };
  const result = resultOf([
    armOf('legacy', [], {
      rounds: rounds({ ...slow, ...failed }),
      latencyMs: { ...armOf('legacy', [1]).latencyMs, p99: null },
    }),
    armOf('orchestration', [], { rounds: rounds() }),
  ]);
  result.run.load = { driver: 'k6', version: 'k6 v1.8.1', ratePerSecond: 60 };
  return result;
}

describe('a round of an open loop', () => {
  test('latency is of what was due in the window, whenever it ended; the rate of what ended in it', () => {
    const operations = [
      operation(1, 90, 90, 120),
      operation(2, 150, 180, 400),
      operation(3, 199, 199, 199.5),
      operation(4, 200, 200, 201),
    ];
    const rows = operations.map(({ orderId: id }) => ({ id, status: 'PAID', engine: 'legacy', refusalCode: null }));
    const { dueInWindow, settledInWindow } = countSettled(operations, rows, [100, 200], ['legacy']);
    expect(dueInWindow.map(({ orderId }) => orderId)).toEqual([2, 3]);
    expect(settledInWindow.map(({ orderId }) => orderId)).toEqual([1, 3]);
  });

  test('what was offered is told from what was sent, and how late', () => {
    const operations = [operation(1, 90, 91, 92), operation(2, 110, 110.5, 120), operation(3, 120, 124, 130)];
    const arrivals = { ratePerSecond: 100, unservedAt: [95, 130, 140, 200], thresholds: [] };
    expect(offeredOf(arrivals, operations, [100, 200])).toEqual({
      ...{ ratePerSecond: 100, sentPerSecond: 20, arrivals: 7, unserved: 4, unservedInWindow: 2, thresholds: [] },
      sendLagMs: { p50: 4, p99: 4, max: 4 },
    });
    expect(offeredOf(arrivals, [], [100, 200])?.sendLagMs).toEqual({ p50: null, p99: null, max: null });
    expect(offeredOf(null, operations, [100, 200])).toBeNull();
  });

  test('who was not served failed', () => {
    expect(tally([operation(1, 0, 0, 1)], 4)).toEqual({
      ...{ outcomes: { paid: 1, refused: 0, failed: 4, unknown: 0 }, refusals: {}, faults: { UNSERVED: 4 } },
    });
  });

  test('a percentile that falls among those not served is not known', () => {
    const histogram = build({ numberOfSignificantValueDigits: 3 });
    for (let i = 1; i <= 1_000; i++) histogram.recordValue(i * 1_000);
    expect(summarise(histogram, 0).p99).toBeCloseTo(990, -1);
    const some = summarise(histogram, 40);
    expect(some.p50).toBeCloseTo(520, -1);
    expect(some.p95).toBeCloseTo(988, -1);
    expect(some.p99).toBeNull();
    expect(summarise(histogram, 1_100).p50).toBeNull();
    expect(Math.max(...latencyCurve(histogram, 40).map(([percentile]) => percentile))).toBe(96);
  });

  test('a log that is not whole makes it invalid, with the reason', () => {
    const judged = judge(roundOf(1, 60, { offered: offered() }), [], ['k6 counted 9 payments, its log has 8']);
    expect(judged).toMatchObject({ valid: false, reasons: ['the load: k6 counted 9 payments, its log has 8'] });
  });
});

describe('a run with an open loop', () => {
  test('lays out the orders that its rate needs, and warms up with a closed loop', () => {
    const [bare] = planOf('--load', 'k6', '--rate', '200', '--rounds', '2', '--duration', '5').scenarios;
    expect(bare).toMatchObject({ ordersPerRound: 1_103, warmUpClients: 64, scenario: { clients: 256 } });
    expect(bare?.dataset.orders).toBe(2 * 1_103 + (bare?.warmUpOrders ?? 0));
    expect(planOf('--load', 'k6', '--clients', '32').scenarios[0]).toMatchObject({
      warmUpClients: 32,
      scenario: { clients: 32 },
    });
  });

  test('each load has its driver, and k6 the targets of the KPIs as thresholds', () => {
    const driver = (load: 'autocannon' | 'open' | 'k6') =>
      driverOf({ load, ratePerSecond: 60 }, load === 'k6' ? { path: 'k6', version: '' } : null, () => undefined);
    expect(driver('autocannon')).toBe(runClosedLoop);
    expect(driver('open').toString()).not.toBe(driver('k6').toString());
    expect(driver('k6').toString()).toBe(
      k6Driver({ path: '', ratePerSecond: 1, thresholds: () => ({}), onSpawn: () => undefined }).toString(),
    );
    expect(k6Thresholds(25_000)).toEqual({
      success: ['rate>=0.999'],
      availability: ['rate>=0.9999'],
      dropped_iterations: ['count<=2'],
    });
    expect(k6Thresholds(500)).toMatchObject({ dropped_iterations: ['count<=0'] });
  });

  test('says what was not served, sent late or below a threshold', () => {
    const result = openResult();
    conclude(result);
    const said = troubles(result).join('\n');
    expect(said).toMatch(/bare, legacy, round 1: 27 of 270 payments were not served/);
    expect(said).toMatch(/legacy, round 2: requests were sent late, one in a hundred by 9.5 ms/);
    expect(said).toMatch(/legacy, round 1: the threshold success rate>=0.999 was not met/);
    expect(said).not.toMatch(/orchestration/);
    expect(resultTable(result)).toMatch(/bare +legacy +60 .* 18 +unserved/);
  });

  test('has no verdict on throughput, as every engine was offered the same', () => {
    expect(judgeKpis(openResult()).filter(({ id }) => id === 'throughput')).toMatchObject([
      { verdict: 'NOT RUN', note: expect.stringMatching(/same rate/) },
    ]);
    expect(judgeKpis(resultOf()).find(({ id }) => id === 'throughput')?.verdict).not.toBe('NOT RUN');
  });

  test('its report says which load, at which rate, and what each engine could not take', () => {
    const page = renderReport(openResult());
    expect(page).toMatch(/k6, open loop, 60\/s offered/);
    expect(page).toMatch(/With 60 payments a second offered, the orchestrated saga took/);
    expect(page).toMatch(/legacy could not take the rate in bare: 10.00.% were not served/);
    expect(page).toMatch(/60 payments\/s offered, at most/);
    expect(page).toMatch(/>54 \(10.00.%\)</);
    expect(page).toMatch(/success rate ≥ 0.999/);
    expect(page).toMatch(/>0 of 2</);
    expect(page).toMatch(/>not served</);
    expect(page).not.toMatch(/closed loop/i);
    const closed = renderReport(resultOf());
    expect(closed).not.toMatch(/Offered load|open loop/i);
    expect(closed).toMatch(/64 clients, closed loop/);
  });

  test('a result from before there was an open loop can still be read', () => {
    const older = JSON.stringify(resultOf(), (key, value: unknown) =>
      key === 'load' || key === 'offered' ? undefined : value,
    );
    expect(older).not.toMatch(/"load"|"offered"/);
    const read = resultSchema.parse(JSON.parse(older));
    expect(read.run.load).toEqual({ driver: 'autocannon', version: null, ratePerSecond: null });
    expect(read.arms[0]?.rounds[0]?.offered).toBeNull();
  });
});

describe('without k6', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'no-k6-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test('--load k6 ends with 2, says what helps, and has started nothing', async () => {
    let said = '';
    const out = join(directory, 'out');
    const io = {
      stdout: { write: () => true },
      stderr: { write: (text: string) => (said += text) },
      now: () => new Date(0),
      pid: 1,
    };
    const env = { K6_BIN: join(directory, 'nowhere') };
    const code = await bench(['--load', 'k6', '--out', out], { ...io, env, signal: new AbortController().signal });
    expect(code).toBe(2);
    expect(said).toMatch(/K6_BIN=.*is not there. Build k6 with: npm run k6:build/);
    expect(existsSync(out)).toBe(false);
  });
});
