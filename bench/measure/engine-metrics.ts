import type { RoundResult } from '../result.ts';
import { distributionMs, histogramOf, labelSets, type Metrics, total } from './metrics.ts';

type Measured = Pick<RoundResult, 'locks' | 'transactionMs' | 'lockHoldPerPaymentMs' | 'batches'> & {
  readonly roundTrips: number;
  readonly commits: number;
  readonly accepted: number;
  readonly locksLost: number;
};

/** What the processes of an arm counted in a round, in the words of the result. Metric names: `runtime/metrics.ts`. */
export function engineMetrics(metrics: Metrics): Measured {
  return {
    locks: labelSets(metrics, 'payment_lock_hold_seconds_count', ['engine', 'lock', 'kind'])
      .map((labels) => ({
        engine: labels['engine'] ?? '',
        lock: labels['lock'] ?? '',
        kind: labels['kind'] ?? '',
        waitMs: distributionMs(histogramOf(metrics, 'payment_lock_wait_seconds', labels)),
        holdMs: distributionMs(histogramOf(metrics, 'payment_lock_hold_seconds', labels)),
      }))
      .filter((lock) => lock.holdMs.count > 0),
    transactionMs: perPayment(metrics, 'payment_tx_per_payment_seconds', 'longest'),
    lockHoldPerPaymentMs: perPayment(metrics, 'payment_lock_hold_per_payment_seconds', 'max'),
    batches: batches(metrics),
    roundTrips: total(metrics, 'payment_db_round_trips_total'),
    commits: total(metrics, 'payment_db_commits_total'),
    accepted: total(metrics, 'payment_accepted_total'),
    locksLost: total(metrics, 'payment_lock_lost_total'),
  };
}

function perPayment(metrics: Metrics, name: string, largest: string): RoundResult['transactionMs'] {
  return labelSets(metrics, `${name}_count`, ['engine'])
    .map(({ engine = '' }) => ({
      engine,
      sumMs: distributionMs(histogramOf(metrics, name, { engine, figure: 'sum' })),
      maxMs: distributionMs(histogramOf(metrics, name, { engine, figure: largest })),
    }))
    .filter((row) => row.sumMs.count > 0);
}

function batches(metrics: Metrics): RoundResult['batches'] {
  return labelSets(metrics, 'payment_batch_size_count', ['boundary'])
    .map(({ boundary = '' }) => {
      const size = histogramOf(metrics, 'payment_batch_size', { boundary });
      const statement = histogramOf(metrics, 'payment_batch_statement_seconds', { boundary });
      return {
        boundary,
        batches: size.count,
        meanSize: size.count === 0 ? 0 : size.sum / size.count,
        statementMsPerPayment: size.sum === 0 ? 0 : (statement.sum / size.sum) * 1_000,
      };
    })
    .filter((row) => row.batches > 0);
}
