import { type Boundary, type Cut, isolationPresets } from '../../domain/cuts.ts';
import type { LockResource } from '../../domain/ports.ts';
import type { Config } from '../../runtime/config.ts';
import { type Connection, openConnection, sqlState } from '../../runtime/database.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { BoundaryAnswer } from './boundary-sql.ts';
import { type Lane, openLane } from './lane.ts';
import { type PaymentTimes, paymentTimes } from './payment-times.ts';
import type { Saga, UndoOutcome } from './saga.ts';

export interface LanesOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly engine: string;
  readonly worker: string | null;
  /** The boundaries this process runs. */
  readonly cut: Cut;
  readonly inFlight: () => number;
}

export interface Lanes {
  readonly all: readonly Lane[];
  readonly times: PaymentTimes;
  stop(): Promise<void>;
}

/** A batch never takes more, whatever waits. */
const maxBatch = 64;
/** A boundary that sleeps in its transaction runs this many batches at once. */
const parallelWhenSleeping = 4;

/** Opens the boundaries' connections: each has the isolation and time-outs of its boundary, so a call needs no BEGIN. */
export async function openLanes(options: LanesOptions): Promise<Lanes> {
  const connections: Connection[] = [];
  const times = paymentTimes(options.metrics, options.engine);
  const all: Lane[] = [];
  for (const boundary of options.cut) all.push(await laneOf(boundary, options, connections, times));
  return {
    all,
    times,
    async stop() {
      for (const lane of all) await lane.drained();
      await Promise.all(connections.map((db) => db.close()));
    },
  };
}

async function laneOf(
  boundary: Boundary,
  options: LanesOptions,
  connections: Connection[],
  times: PaymentTimes,
): Promise<Lane> {
  const { config, metrics, engine, worker, inFlight } = options;
  const addedMs = boundary.steps.reduce((sum, step) => sum + config.addedMs[step.name], 0);
  const open = async (door: string): Promise<Connection> => {
    const db = await openConnection(
      {
        url: config.databaseUrl,
        isolation: isolationPresets[config.isolation][boundary.domain],
        timeoutMs: boundary.timeoutMs + addedMs,
        pinnedPlans: true,
        applicationName: `sagashift ${engine} ${boundary.name} ${door}`,
      },
      metrics,
    );
    connections.push(db);
    return db;
  };
  const writers = addedMs > 0 ? parallelWhenSleeping : 1;
  const forward: Connection[] = [];
  while (forward.length < writers) forward.push(await open('forward'));
  return openLane({
    boundary,
    engine,
    worker,
    addedMs,
    inFlight,
    maxBatch: config.batching ? maxBatch : 1,
    deliverTwice: config.sabotage === 'receipts-off' && boundary.name === 'deductBalance',
    forward,
    contended: await open('contended'),
    backward: await open('backward'),
    observe: observer(boundary, metrics, engine, times),
    observeStep: (outcome, tookMs) => {
      metrics.sagaStep.observe({ step: boundary.name, outcome }, tookMs / 1_000);
    },
    observeUndo: undoObserver(boundary, metrics),
    onRetry: (error) => {
      metrics.txRetries.inc({ sqlstate: sqlState(error) ?? 'unknown' });
    },
  });
}

/**
 * Every payment of a batch had the transaction's time and its locks for all of it: nothing is divided by the batch.
 * Hold is from the rows being locked to the response of the call, which is the response of its COMMIT.
 */
function observer(boundary: Boundary, metrics: Metrics, engine: string, times: PaymentTimes) {
  const tx = metrics.txDuration.labels({ engine, tx: boundary.name });
  const size = metrics.batchSize.labels({ boundary: boundary.name });
  const statement = metrics.batchStatement.labels({ boundary: boundary.name });
  const resources = [...new Set<LockResource>(boundary.steps.map((step) => step.locks))].map((lock) => ({
    lock,
    wait: metrics.lockWait.labels({ engine, lock, kind: 'row' }),
    hold: metrics.lockHold.labels({ engine, lock, kind: 'row' }),
  }));
  return ({ lockWaitMs, lockedAtMs }: BoundaryAnswer, batch: readonly Saga[], tookMs: number): void => {
    const holdMs = Math.max(0, tookMs - lockedAtMs);
    size.observe(batch.length);
    statement.observe(tookMs / 1_000);
    for (const saga of batch) {
      tx.observe(tookMs / 1_000);
      let held = 0;
      for (const { lock, wait, hold } of resources) {
        if (lock === 'coupon' && saga.couponId === null) continue;
        wait.observe(lockWaitMs / 1_000);
        hold.observe(holdMs / 1_000);
        held++;
      }
      times.add(saga.sagaId, tookMs, holdMs, held);
    }
  };
}

/** A batch of undos counts like any other, under a name of its own: its statements must not grow with the tables either. */
function undoObserver(boundary: Boundary, metrics: Metrics) {
  const size = metrics.batchSize.labels({ boundary: `undo ${boundary.name}` });
  const statement = metrics.batchStatement.labels({ boundary: `undo ${boundary.name}` });
  return (outcomes: readonly UndoOutcome[], tookMs: number): void => {
    size.observe(outcomes.length);
    statement.observe(tookMs / 1_000);
    for (const { outcome } of outcomes) metrics.compensations.inc({ step: boundary.name, outcome });
  };
}
