import { type Boundary, isolationPresets } from '../../domain/cuts.ts';
import type { LockResource } from '../../domain/ports.ts';
import type { PaymentDefinition } from '../../domain/saga-definitions.ts';
import type { Config } from '../../runtime/config.ts';
import { type Connection, openConnection, sqlState } from '../../runtime/database.ts';
import { faultyConnection } from '../../runtime/fault-points.ts';
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
  readonly definitions: readonly PaymentDefinition[];
  /** Its lanes are open from the start; those of other versions when a saga of theirs comes. */
  readonly current: PaymentDefinition;
  /** Which boundaries this process runs. */
  readonly runs: (boundary: Boundary) => boolean;
  readonly inFlight: () => number;
}

export interface Lanes {
  /** Of the boundaries of this version that this process runs, in order. Versions share the lanes of boundaries they share. */
  of(version: number): Promise<readonly Lane[]>;
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
  const opened = new Map<string, Promise<Lane>>();
  const lane = (boundary: Boundary): Promise<Lane> => {
    const key = `${boundary.no} ${boundary.steps.map((step) => step.letter).join('')}`;
    const there = opened.get(key);
    if (there !== undefined) return there;
    const opening = laneOf(boundary, options, connections, times);
    opened.set(key, opening);
    opening.catch(() => opened.delete(key)); // The next saga tries again.
    return opening;
  };
  const of = (version: number): Promise<readonly Lane[]> => {
    const cut = options.definitions.find((one) => one.version === version)?.cut ?? [];
    return Promise.all(cut.filter(options.runs).map(lane));
  };
  await of(options.current.version);
  return {
    of,
    times,
    async stop() {
      for (const one of await Promise.all(opened.values())) await one.drained();
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
    return faultyConnection(db, config.fault);
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
    swallowUndoFaults: config.sabotage === 'compensation-swallowed',
    forward,
    contended: await open('contended'),
    backward: await open('backward'),
    observe: observer(boundary, metrics, engine, times),
    observeStep: (outcome, tookMs) => {
      metrics.sagaStep.observe({ step: boundary.name, outcome }, tookMs / 1_000);
      if (outcome === 'fenced') metrics.sagaFenced.inc({ step: boundary.name, op: 'execute' });
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
    for (const { outcome } of outcomes) {
      metrics.compensations.inc({ step: boundary.name, outcome });
      if (outcome === 'fenced') metrics.sagaFenced.inc({ step: boundary.name, op: 'undo' });
    }
  };
}
