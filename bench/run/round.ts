import { build, type Histogram } from 'hdr-histogram-js';
import { verifyClientLog } from '../../consistency/client-log/verify-client-log.ts';
import type { Pool } from '../../runtime/database.ts';
import type { Arm } from '../arms/arm.ts';
import { enginesOf } from '../arms/topology.ts';
import type { OrderPlan } from '../dataset/plan.ts';
import { askAgain } from '../load/ask-again.ts';
import type { Driver } from '../load/driver.ts';
import { requestTimeoutMs } from '../load/loads.ts';
import { isFinal, type Operation, tally, toLogLine } from '../load/operation.ts';
import { engineMetrics } from '../measure/engine-metrics.ts';
import { difference } from '../measure/metrics.ts';
import { semanticHolds, settledOrders } from '../measure/outcome-sql.ts';
import { peakMemoryMb } from '../measure/process-stat.ts';
import type { RoundResult } from '../result.ts';
import { summarise } from '../statistics/percentiles.ts';
import { countSettled } from './counting.ts';
import { costOf } from './cost.ts';
import { drain } from './drain.ts';
import { offeredOf } from './offered.ts';
import { readAll } from './reading.ts';
import { toldOf, unknownEnds } from './told.ts';
import { judge } from './validity.ts';
import type { ServerMeter } from '../measure/servers.ts';

export interface RoundPlan {
  readonly arm: Arm;
  readonly round: number;
  readonly position: number;
  readonly clients: number;
  readonly leadInMs: number;
  readonly windowMs: number;
  /** Consecutive ids. */
  readonly orders: readonly OrderPlan[];
  readonly drive: Driver;
  /** Draws who is asked again. */
  readonly seed: number;
}

export interface Measurement {
  readonly result: RoundResult;
  readonly histogram: Histogram;
  readonly operations: readonly Operation[];
  /** Asked when the round was over: in the log, and in no figure. */
  readonly again: readonly Operation[];
  /** Arrivals of the window that were never sent: to percentiles they took longer than any that was. */
  readonly unservedInWindow: number;
  /** Monotonic clock in ms, to place the operations. */
  readonly window: readonly [number, number];
}

/** One round of one arm: read the counters, load, drain, read again, ask again, hold the driver's log against the database. */
export async function runRound(
  plan: RoundPlan,
  pool: Pool,
  meter: ServerMeter,
  signal: AbortSignal,
): Promise<Measurement> {
  const { arm, orders, leadInMs, windowMs, clients, drive } = plan;
  const before = await readAll(arm, meter, signal);
  const load = { urls: arm.urls, clients, orders, leadInMs, windowMs, requestTimeoutMs };
  const { operations, window, endedEarly, arrivals, faults: loadFaults } = await drive(load, signal);
  const seconds = Math.max(0.001, (window[1] - window[0]) / 1_000);
  const seen = operations.filter((one) => isFinal(one) && one.endedAt >= window[0] && one.endedAt < window[1]).length;
  const drained = await drain(pool, seen / seconds, signal);
  const after = await readAll(arm, meter, signal);

  const [from, to] = [orders[0]?.orderId ?? 0, orders.at(-1)?.orderId ?? 0];
  const rows = await settledOrders(pool, from, to);
  const counted = countSettled(operations, rows, window, enginesOf(arm.engine));
  const measured = engineMetrics(difference(after.metrics, before.metrics));
  const histogram = histogramOf(arrivals === null ? counted.settledInWindow : counted.dueInWindow);
  const offered = offeredOf(arrivals, operations, window);
  const unserved = offered?.unserved ?? 0;
  const { outcomes, refusals, faults } = tally(operations, unserved);
  const cost = await costOf(before, after, measured, counted.counting.database, meter);
  const semanticHoldMs = await semanticHolds(pool, from, to);
  const again = await askAgain({ urls: arm.urls, operations, seed: plan.seed, requestTimeoutMs }, signal);
  const { drained: quiet } = await drain(pool, 0, signal); // what was paid only now is none of the next round's business
  const log = [...operations, ...again].map(toLogLine);
  const told = await verifyClientLog(arm.databaseUrl, log, { mode: quiet ? 'drained' : 'live', signal });
  const unjudged: Omit<RoundResult, 'valid' | 'reasons' | 'noisy'> = {
    round: plan.round,
    position: plan.position,
    windowSeconds: seconds,
    settledPerSecond: counted.settledInWindow.length / seconds,
    acceptedPerSecond:
      operations.filter((one) => one.outcome !== 'failed' && one.endedAt >= window[0] && one.endedAt < window[1])
        .length / seconds,
    offered,
    latencyMs: summarise(histogram, offered?.unservedInWindow),
    outcomes,
    refusals,
    faults,
    unavailable: unserved + operations.filter(({ status }) => status === 0 || status === 429 || status >= 500).length,
    settledByEngine: counted.settledByEngine,
    transactionMs: measured.transactionMs,
    locks: measured.locks,
    lockHoldPerPaymentMs: measured.lockHoldPerPaymentMs,
    semanticHoldMs,
    cost: cost.perPayment,
    memoryMb: {
      router: peak(arm.routers.map((child) => child.pid)),
      worker: peak(arm.workers.map((child) => child.pid)),
    },
    batches: measured.batches,
    delivery: {
      expected: rows.filter((row) => row.status === 'PAID').length,
      received: after.received - before.received,
    },
    drain: drained,
    counting: counted.counting,
    consistency: toldOf(operations, again, unknownEnds(operations, rows), told),
    endedEarly,
    foreignCores: cost.foreignCores,
  };
  return {
    result: {
      ...unjudged,
      ...judge(
        unjudged,
        arm.children.flatMap((child) => child.died() ?? []),
        loadFaults,
      ),
    },
    histogram,
    unservedInWindow: offered?.unservedInWindow ?? 0,
    operations,
    again,
    window,
  };
}

const peak = (pids: readonly number[]): number => Math.max(0, ...pids.map(peakMemoryMb));

function histogramOf(operations: readonly Operation[]): Histogram {
  const histogram = build({ bitBucketSize: 32, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });
  for (const { intendedAt, endedAt } of operations)
    histogram.recordValue(Math.max(1, Math.round((endedAt - intendedAt) * 1_000)));
  return histogram;
}
