import type { Metrics } from '../../runtime/metrics.ts';

/** What one payment cost over all its boundaries in this process: transaction time and lock hold, sum and longest. */
export interface PaymentTimes {
  add(sagaId: number, txMs: number, holdMs: number, locks: number): void;
  /** Observes the payment's figures and forgets it. */
  final(sagaId: number): void;
  forget(sagaId: number): void;
}

/** Bounds the memory of payments that end in another process. */
const maxOpen = 20_000;

export function paymentTimes(metrics: Metrics, engine: string): PaymentTimes {
  const open = new Map<number, { tx: number; longest: number; hold: number; longestHold: number }>();
  const txSum = metrics.txPerPayment.labels({ engine, figure: 'sum' });
  const txLongest = metrics.txPerPayment.labels({ engine, figure: 'longest' });
  const holdSum = metrics.lockHoldPerPayment.labels({ engine, figure: 'sum' });
  const holdMax = metrics.lockHoldPerPayment.labels({ engine, figure: 'max' });
  return {
    add(sagaId, txMs, holdMs, locks) {
      let times = open.get(sagaId);
      if (times === undefined) {
        if (open.size >= maxOpen) open.delete(open.keys().next().value as number);
        times = { tx: 0, longest: 0, hold: 0, longestHold: 0 };
        open.set(sagaId, times);
      }
      times.tx += txMs;
      times.longest = Math.max(times.longest, txMs);
      times.hold += holdMs * locks;
      times.longestHold = Math.max(times.longestHold, holdMs);
    },
    final(sagaId) {
      const times = open.get(sagaId);
      if (times === undefined) return;
      open.delete(sagaId);
      txSum.observe(times.tx / 1_000);
      txLongest.observe(times.longest / 1_000);
      holdSum.observe(times.hold / 1_000);
      holdMax.observe(times.longestHold / 1_000);
    },
    forget(sagaId) {
      open.delete(sagaId);
    },
  };
}
