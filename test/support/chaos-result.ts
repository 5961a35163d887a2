import type { ChaosResult, FaultResult } from '../../bench/chaos/chaos-result.ts';
import type { PaymentCost } from '../../bench/chaos/figures/payment-cost.ts';
import { noFigures } from '../../bench/chaos/figures/figures.ts';
import { provenShare } from '../../bench/statistics/proof-bound.ts';

/** A fault that came after 3 s, held everything up for 2 s, and was survived. */
export const survivedFault: FaultResult = {
  ...{ fault: 'worker-kill', style: 'orchestration', title: 'SIGKILL of the worker', proves: 'It is in Postgres.' },
  ...{ openAtInjection: 12, afterSeconds: 3, goalSeconds: 5, payments: 1_000, violations: [], failures: [] },
  answers: { final: 990, askedAgain: 10, turnedOutPaid: 4, unresolved: 0 },
  ...{ beforePerSecond: 200, replacedSeconds: 1.9, restoredSeconds: 2.1, zeroOpenSeconds: 3.2 },
  ...{ p99Seconds: 3.1, notFinal: 0 },
  timeline: {
    ...{ stepSeconds: 0.25, fromSeconds: -3 },
    finalPerSecond: Array.from({ length: 40 }, (_, step) => (step < 12 || step > 20 ? 200 : 0)),
    open: Array.from({ length: 40 }, (_, step) => (step < 12 || step > 20 ? 8 : 12 + 50 * (step - 12))),
  },
};

/** A payment alone that costs as little as it should. */
export const costOfOne: PaymentCost = {
  ...{ style: 'orchestration', payments: 400, commits: 5.1, roundTrips: 5.2, walBytes: 7_000 },
  ...{ fullPageImageBytes: 0, redisCommands: 38, examined: 450, touched: 0, violations: [] },
};

export const chaosResultOf = (
  results: readonly FaultResult[],
  change: Partial<ChaosResult> = {},
  state: ChaosResult['run']['state'] = 'complete',
): ChaosResult => ({
  schemaVersion: '1.1.0',
  run: {
    ...{ id: 'r', seed: 9, command: 'npm run bench -- chaos --seed 9', quick: false, commit: 'abc', dirty: false },
    ...{ ratePerSecond: 200, sabotage: null, startedAt: '2026-11-22T12:00:00.000Z', seconds: 61, state },
  },
  servers: { postgres: 'embedded', redis: 'embedded' },
  environment: {
    ...{
      cpu: 'Some CPU',
      cores: 2,
      memoryMb: 4_096,
      kernel: 'Linux 6',
      node: 'v20',
      loadAverage: 0.2,
      cpuPressure: null,
    },
    ...{ busy: false, topology: ['orchestration: router (8 connections) + worker (8 connections)'] },
    postgres: { version: '18', how: 'embedded', settings: { fsync: 'on' } },
    redis: { version: '7', how: 'embedded', settings: { save: '' } },
  },
  planned: results.length,
  results: [...results],
  notRun: [],
  figuresPlanned: [],
  figures: noFigures,
  score: { examined: 1_000, touched: 0, lowerBound95: provenShare(1_000, 0) },
  troubles: [],
  ...change,
});
