import type { Route, Side } from '../domain/payment-engine.ts';
import type { Metrics } from '../runtime/metrics.ts';

/** `rejected`: a rule said no. `bad`: a fault, or not final within the wait limit. */
export type Outcome = 'good' | 'rejected' | 'bad';

export interface PaymentMetrics {
  decided(route: Route): void;
  /** An engine has a payment more or less in work. */
  inWork(side: Side, change: 1 | -1): void;
  answered(side: Side, engine: string, outcome: Outcome, seconds: number): void;
}

/** Looks each combination of labels up once: prom-client's own look-up costs more than the count. */
export function createPaymentMetrics(metrics: Metrics): PaymentMetrics {
  const decisions = new Map<string, { inc(): void }>();
  const answers = new Map<string, { count: { inc(): void }; time: { observe(seconds: number): void } }>();
  const inflight = { legacy: metrics.inflight.labels('legacy'), saga: metrics.inflight.labels('saga') };
  return {
    inWork(side, change) {
      inflight[side].inc(change);
    },
    decided({ side, reason }) {
      const key = `${side} ${reason}`;
      let counter = decisions.get(key);
      if (counter === undefined) decisions.set(key, (counter = metrics.routerDecisions.labels({ side, reason })));
      counter.inc();
    },
    answered(side, engine, outcome, seconds) {
      const key = `${side} ${engine} ${outcome}`;
      let child = answers.get(key);
      if (child === undefined) {
        const labels = { side, engine, outcome };
        child = { count: metrics.requests.labels(labels), time: metrics.duration.labels(labels) };
        answers.set(key, child);
      }
      child.count.inc();
      child.time.observe(seconds);
    },
  };
}
