import type { LockResource } from '../domain/ports.ts';
import type { Metrics } from '../runtime/metrics.ts';

export type LockKind = 'redis' | 'row';
export type Now = () => number;

/** Milliseconds of a monotonic clock. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** What one payment cost in locks and transactions. Nothing is observed until `finish`: only payments that became final count. */
export interface Figures {
  waited(resource: LockResource, kind: LockKind, ms: number): void;
  held(resource: LockResource, kind: LockKind, interval: Interval): void;
  /**
   * Times one try of a transaction to the response of its COMMIT or ROLLBACK: from the call of `begun`, or else of `work`.
   * Waiting for a connection is not transaction time.
   */
  transaction<T>(tx: string, work: (begun: () => void) => Promise<T>): Promise<T>;
  finish(): void;
}

interface Wait {
  readonly resource: LockResource;
  readonly kind: LockKind;
  readonly ms: number;
}
interface Hold extends Interval {
  readonly resource: LockResource;
  readonly kind: LockKind;
}

export function newFigures(metrics: Metrics, engine: string, now: Now = () => performance.now()): Figures {
  const waits: Wait[] = [];
  const holds: Hold[] = [];
  const transactions: { tx: string; ms: number }[] = [];
  return {
    waited: (resource, kind, ms) => void waits.push({ resource, kind, ms }),
    held: (resource, kind, interval) => void holds.push({ resource, kind, ...interval }),
    async transaction(tx, work) {
      let from = now();
      try {
        return await work(() => (from = now()));
      } finally {
        transactions.push({ tx, ms: now() - from });
      }
    },
    finish() {
      for (const { resource, kind, ms } of waits)
        metrics.lockWait.observe({ engine, lock: resource, kind }, ms / 1_000);
      for (const { resource, kind, from, to } of holds)
        metrics.lockHold.observe({ engine, lock: resource, kind }, (to - from) / 1_000);
      observeUnions(metrics, engine, holds);
      for (const { tx, ms } of transactions) metrics.txDuration.observe({ engine, tx }, ms / 1_000);
      const spent = transactions.map(({ ms }) => ms / 1_000);
      metrics.txPerPayment.observe({ engine, figure: 'sum' }, sum(spent));
      metrics.txPerPayment.observe({ engine, figure: 'longest' }, Math.max(0, ...spent));
    },
  };
}

/** How long a resource was kept from others by any lock: the lengths of what the intervals cover, overlaps counted once. */
export function unionMs(intervals: readonly Interval[]): number {
  let covered = 0;
  let end = -Infinity;
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    covered += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return covered;
}

/** A Redis lock and a row lock on one balance keep the same people out: they never add up. */
function observeUnions(metrics: Metrics, engine: string, holds: readonly Hold[]): void {
  const unions: number[] = [];
  for (const lock of new Set(holds.map(({ resource }) => resource))) {
    const seconds = unionMs(holds.filter(({ resource }) => resource === lock)) / 1_000;
    metrics.lockHold.observe({ engine, lock, kind: 'union' }, seconds);
    unions.push(seconds);
  }
  metrics.lockHoldPerPayment.observe({ engine, figure: 'sum' }, sum(unions));
  metrics.lockHoldPerPayment.observe({ engine, figure: 'max' }, Math.max(0, ...unions));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
