import { compareArms } from '../../bench/comparisons.ts';
import { guardStatements } from '../../bench/guard.ts';
import { judgeKpis } from '../../bench/kpi.ts';
import { type ArmResult, type Result, type RoundResult, schemaVersion } from '../../bench/result.ts';
import { scenarios } from '../../bench/scenarios.ts';

const spread = (mean: number, count = 2_000) => ({ count, mean, p50: mean * 0.9, p99: mean * 3 });

/** A round in which everything went well: `rate` payments a second in a window of four. */
export function roundOf(
  number: number,
  rate: number,
  change: Partial<RoundResult> = {},
  engine = 'legacy',
): RoundResult {
  const holdMs = 4_000 / rate;
  return {
    round: number,
    position: 1,
    windowSeconds: 4,
    settledPerSecond: rate,
    acceptedPerSecond: rate,
    offered: null,
    latencyMs: {
      count: rate * 4,
      mean: 64_000 / rate,
      p50: 60_000 / rate,
      p95: 90_000 / rate,
      p99: 120_000 / rate,
      max: 300_000 / rate,
    },
    outcomes: { paid: rate * 4, refused: 40, failed: 0, unknown: 0 },
    refusals: { BALANCE_INSUFFICIENT: 40 },
    faults: {},
    unavailable: 0,
    settledByEngine: { [engine]: rate * 4 },
    transactionMs: [{ engine, sumMs: spread(holdMs * 2), maxMs: spread(holdMs) }],
    locks: ['order', 'balance', 'stock'].flatMap((lock) =>
      ['row', 'union'].map((kind) => ({ engine, lock, kind, waitMs: spread(holdMs / 10), holdMs: spread(holdMs) })),
    ),
    lockHoldPerPaymentMs: [{ engine, sumMs: spread(holdMs * 3), maxMs: spread(holdMs) }],
    semanticHoldMs: [{ engine, acceptedToFinal: 12, debitToFinal: 8 }],
    cost: {
      roundTrips: 1,
      commits: 1,
      walBytes: 2_600,
      fullPageImageBytes: 170,
      redisCommands: 2,
      cpuMicros: { router: 400, worker: 100, postgres: 300, redis: 20, dataPlatform: 10, generator: 90 },
      cpuMicrosTotal: 830,
    },
    memoryMb: { router: 150, worker: 120 },
    batches:
      engine === 'orchestration'
        ? [{ boundary: 'deductBalance', batches: 300, meanSize: 12, statementMsPerPayment: 0.1 }]
        : [],
    delivery: { expected: rate * 4, received: rate * 4 },
    drain: { seconds: 0.1, openSagas: 2, undelivered: 5, underOneSecond: true, drained: true },
    counting: { driver: rate * 4 + 40, database: rate * 4 + 40, unseen: 0, otherEngine: 0 },
    consistency: { checked: rate * 4 + 40, violations: 0, findings: [] },
    endedEarly: false,
    noisy: false,
    foreignCores: 0.1,
    valid: true,
    reasons: [],
    ...change,
  };
}

export function armOf(engine: string, rates: readonly number[], change: Partial<ArmResult> = {}): ArmResult {
  return {
    name: engine,
    engine,
    scenario: 'bare',
    control: false,
    processes: [{ name: 'router', connections: 16 }],
    connections: 32,
    latencyMs: { count: 4_000, mean: 20, p50: 18, p95: 40, p99: 60, max: 90 },
    latencyCurve: [
      [0, 4],
      [50, 18],
      [90, 35],
      [99, 60],
    ],
    invariants: [
      { code: 'B1', title: 'A balance is the sum of its ledger.', examined: 10_000, violations: 0, sample: [] },
    ],
    verified: true,
    ordersVerified: 12_000,
    violations: 0,
    rounds: rates.map((rate, i) => roundOf(i + 1, rate, {}, engine)),
    ...change,
  };
}

/** A complete default run: legacy, lean and orchestration in `bare`, both sides in `coexist`. */
export function resultOf(arms: readonly ArmResult[] = defaultArms(), change: Partial<Result> = {}): Result {
  const described = scenarios
    .filter(({ name }) => arms.some((arm) => arm.scenario === name))
    .map(
      ({
        name,
        sentence,
        clients,
        users,
        products,
        addedMs,
        outsideMs,
        outsideTimeoutMs,
        outsideFailureRate,
        failures,
        batching,
        percentage,
      }) => ({
        name,
        sentence,
        arms: arms.filter((arm) => arm.scenario === name).map((arm) => arm.name),
        clients,
        skew: 'uniform',
        users,
        products,
        orders: 40_000,
        ordersPerRound: 10_000,
        addedMs: { ...addedMs },
        outsideMs,
        outsideTimeoutMs,
        outsideFailureRate,
        failures: { ...failures },
        batching,
        percentage,
        redlockRetryMs: '10 +- 10',
        connectionsPerArm: 32,
        windowSeconds: 4,
        leadInSeconds: 0.5,
      }),
    );
  const result: Result = {
    schemaVersion,
    run: {
      id: '20261122-120000-1',
      mode: 'default',
      startedAt: '2026-11-22T12:00:00.000Z',
      finishedAt: '2026-11-22T12:05:00.000Z',
      seconds: 300,
      seed: 7,
      command: 'npm run bench',
      commit: 'abcdef123456',
      dirty: false,
      timeScale: 0.01,
      rounds: 3,
      sabotage: null,
      load: { driver: 'autocannon', version: null, ratePerSecond: null },
      state: 'complete',
    },
    environment: {
      cpu: 'A processor',
      cores: 2,
      memoryMb: 24_000,
      kernel: 'Linux 6.1',
      node: 'v20.20.2',
      postgres: { version: '18.4', how: 'embedded', settings: { fsync: 'on' } },
      redis: { version: '7.0.15', how: 'embedded', settings: { save: '' } },
      fdatasyncPerSecond: 5_800,
      fdatasyncWhere: 'the volume of .cache',
      loadAverage: 0.2,
      cpuPressure: 1.2,
      topology: ['legacy: router 1 + router 2'],
    },
    scenarios: described,
    arms: [...arms],
    comparisons: compareArms(arms, 7),
    kpis: [],
    guard: guardStatements(arms, described),
    drills: [],
    validity: { coResident: true, noisy: false, unsteady: false, reasons: [] },
    notRun: [{ stage: 'capacity', why: 'not part of this version' }],
    ...change,
  };
  return { ...result, kpis: judgeKpis(result) };
}

const defaultArms = (): ArmResult[] => [
  armOf('legacy', [100, 110, 105]),
  armOf('legacy-lean', [1_000, 1_100, 1_050]),
  armOf('orchestration', [800, 900, 850]),
  armOf('coexist', [200, 210, 190], { scenario: 'coexist' }),
];
