import type { Boundary } from '../../domain/cuts.ts';
import type { Connection } from '../../runtime/database.ts';
import { Batcher } from './batcher.ts';
import { type BoundaryAnswer, type BoundaryCall, runBoundary, undoBoundary } from './boundary-sql.ts';
import type { Outcome, Saga, UndoOutcome } from './saga.ts';

/** A boundary of this process: everything that wants to pass it goes through one of its three doors. */
export interface Lane {
  readonly boundary: Boundary;
  execute(saga: Saga): Promise<Outcome>;
  undo(saga: Saga): Promise<UndoOutcome>;
  drained(): Promise<void>;
}

export interface LaneOptions extends Omit<BoundaryCall, 'wait'> {
  /** One for each batch that may run at once. */
  readonly forward: readonly Connection[];
  readonly contended: Connection;
  readonly backward: Connection;
  /** How many payments this process has in work: a batch takes about a quarter, else all march in one and a core idles. */
  readonly inFlight: () => number;
  readonly maxBatch: number;
  readonly observe: (answer: BoundaryAnswer, batch: readonly Saga[], tookMs: number) => void;
  /** One payment's way through this boundary, waiting for its batch included. A fault says nothing of what happened: `unknown`. */
  readonly observeStep: (outcome: Outcome['outcome'] | 'unknown', tookMs: number) => void;
  readonly observeUndo: (outcomes: readonly UndoOutcome[], tookMs: number) => void;
  readonly onRetry: (error: unknown) => void;
  /** Sends each batch a second time, as an at-least-once transport may. Only to prove what receipts are good for. */
  readonly deliverTwice: boolean;
  /** Takes an undo that failed for done. Only to prove what trying again is good for. */
  readonly swallowUndoFaults: boolean;
}

/** Few, because each of them may have waited for a row that somebody else holds. */
const contendedBatch = 8;

/**
 * Forward batches never wait for a row. Payments whose row is busy go on in the contended lane, which waits, alone: beside a
 * monolith that holds a hot row a waiting batch stops every payment behind it.
 */
export function openLane(options: LaneOptions): Lane {
  const { boundary, worker, onRetry } = options;
  const idle = [...options.forward];
  const quarter = () => Math.min(options.maxBatch, Math.ceil(options.inFlight() / 4));
  const run = async (db: Connection, sagas: readonly Saga[], wait: boolean) => {
    const began = performance.now();
    const answer = await runBoundary(db, { ...options, wait }, sagas);
    if (options.deliverTwice) await runBoundary(db, { ...options, wait }, sagas);
    options.observe(answer, sagas, performance.now() - began);
    return answer.outcomes;
  };
  const forward = new Batcher<Saga, Outcome>(
    async (sagas) => {
      const db = idle.pop() as Connection;
      try {
        return await run(db, sagas, false);
      } finally {
        idle.push(db);
      }
    },
    { maxSize: quarter, writers: options.forward.length, onRetry },
  );
  const contended = new Batcher<Saga, Outcome>((sagas) => run(options.contended, sagas, true), {
    maxSize: () => Math.min(contendedBatch, options.maxBatch),
    writers: 1,
    onRetry,
  });
  const backward = new Batcher<Saga, UndoOutcome>(
    async (sagas) => {
      const began = performance.now();
      const outcomes = await undoBoundary(options.backward, { boundary, worker }, sagas);
      options.observeUndo(outcomes, performance.now() - began);
      return outcomes;
    },
    { maxSize: () => options.maxBatch, writers: 1, onRetry },
  );
  return {
    boundary,
    async execute(saga) {
      const began = performance.now();
      let outcome: Outcome['outcome'] | 'unknown' = 'unknown';
      try {
        const first = await forward.add(saga);
        const out = first.outcome === 'busy' ? await contended.add(saga) : first;
        outcome = out.outcome;
        return out;
      } finally {
        options.observeStep(outcome, performance.now() - began);
      }
    },
    undo: (saga) => {
      const undone = backward.add(saga);
      return options.swallowUndoFaults ? undone.catch(() => ({ outcome: 'ok', code: null }) as const) : undone;
    },
    drained: async () => {
      await forward.drained();
      await contended.drained();
      await backward.drained();
    },
  };
}
