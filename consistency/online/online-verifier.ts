import { openPool } from '../../runtime/database.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import type { Found } from './ask-keys.ts';
import { begin } from './begin.ts';
import { type CycleResult, type Position, runCycle } from './cycle.ts';
import { createKnown } from './known.ts';
import { createRotation } from './rotation.ts';

export interface OnlineOptions {
  readonly url: string;
  /** Orders examined in one cycle, default 5,000; the rest waits for the next. */
  readonly maxOrders?: number;
  /** Orders that may wait, default 200,000. */
  readonly maxWaiting?: number;
  readonly now?: () => number;
}

export interface Start {
  readonly users: number;
  readonly products: number;
  /** Cycles until every balance and every stock has been compared with its ledger. */
  readonly rotationCycles: number;
  /** What the ledgers as they were broke already. */
  readonly found: readonly Found[];
  readonly ms: number;
}

export interface Cycle extends Omit<CycleResult, 'accept'> {
  readonly at: Date;
  readonly ms: number;
}

/** Looks at what changes while payments are in work, cycle by cycle, reading only. */
export interface OnlineVerifier extends Stoppable {
  /** Folds and checks the ledgers as they are. What changes from its snapshot on, a cycle will see. */
  start(signal?: AbortSignal): Promise<Start>;
  /** Examines what became visible since the start or the last cycle that did not reject. */
  cycle(): Promise<Cycle>;
}

/** A cycle that takes longer is given up: it would hold back vacuum. */
const cycleLimitMs = 10_000;
const startLimitMs = 600_000;
const snapshot = { isolation: 'repeatable read', readOnly: true } as const;

export function createOnlineVerifier({
  url,
  maxOrders = 5_000,
  maxWaiting = 200_000,
  now = () => performance.now(),
}: OnlineOptions): OnlineVerifier {
  const applicationName = 'sagashift-online-verifier';
  const pool = openPool({ url, size: 1, applicationName, timeoutMs: cycleLimitMs });
  const known = createKnown(now);
  const rotation = createRotation();
  let position: Position | undefined;
  return {
    async start(signal) {
      const startedAt = now();
      const unhurried = openPool({ url, size: 1, applicationName, timeoutMs: startLimitMs });
      try {
        const [begun, found] = await begin(unhurried, signal);
        position = begun;
        const { balances, stocks } = begun.sums;
        return {
          users: balances.size,
          products: stocks.size,
          rotationCycles: rotation.cycles(begun.sums),
          found,
          ms: now() - startedAt,
        };
      } finally {
        await unhurried.close();
      }
    },
    async cycle() {
      const from = position;
      if (from === undefined) throw new Error('cycle() before start()');
      const startedAt = now();
      const { accept, ...result } = await pool.transaction(async (tx) => {
        await tx.query(plans);
        return runCycle(tx, from, rotation, known, { maxOrders, maxWaiting });
      }, snapshot);
      position = accept();
      return { ...result, at: new Date(), ms: now() - startedAt };
    },
    stop: () => pool.close(),
  };
}

/** By key, with plans that are made once: to plan anew costs as much as the rest of a cycle. */
const plans = `set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off; set local jit = off; set local max_parallel_workers_per_gather = 0`;
