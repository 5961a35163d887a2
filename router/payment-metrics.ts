import type { Route, Side } from '../domain/payment-engine.ts';
import type { Metrics } from '../runtime/metrics.ts';

/** `rejected`: a rule said no. `bad`: a fault, or not final within the wait limit. */
const outcomes = ['good', 'rejected', 'bad'] as const;
export type Outcome = (typeof outcomes)[number];

export interface PaymentMetrics {
  decided(route: Route): void;
  /** An engine has a payment more or less in work. */
  inWork(side: Side, change: 1 | -1): void;
  answered(side: Side, engine: string, outcome: Outcome, seconds: number): void;
}

/**
 * Looks each combination of labels up once: prom-client's own look-up costs more than the count. What is `expected` is there as
 * 0 from the start: Prometheus sees no increase in a series that begins with 1, and would miss the first fault.
 */
export function createPaymentMetrics(
  metrics: Metrics,
  expected: readonly { readonly side: Side; readonly engine: string }[] = [],
): PaymentMetrics {
  const decisions = new Map<string, { inc(): void }>();
  const answers = new Map<string, { count: { inc(by?: number): void }; time: { observe(seconds: number): void } }>();
  const inflight = { legacy: metrics.inflight.labels('legacy'), saga: metrics.inflight.labels('saga') };
  const child = (side: Side, engine: string, outcome: Outcome) => {
    const key = `${side} ${engine} ${outcome}`;
    let found = answers.get(key);
    if (found === undefined) {
      const labels = { side, engine, outcome };
      found = { count: metrics.requests.labels(labels), time: metrics.duration.labels(labels) };
      answers.set(key, found);
    }
    return found;
  };
  for (const { side, engine } of expected) for (const outcome of outcomes) child(side, engine, outcome).count.inc(0);
  metrics.shed.inc({ side: 'router' }, 0);
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
      const { count, time } = child(side, engine, outcome);
      count.inc();
      time.observe(seconds);
    },
  };
}
