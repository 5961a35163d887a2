import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. Fine enough for micro-transactions and lock holds; the limits that KPIs are judged by (2, 5, 10, 30 s) are edges. */
export const durationBuckets = [
  0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1,
  1.5, 2, 3, 5, 8, 10, 15, 20, 30,
];
const sizeBuckets = [1, 2, 4, 8, 16, 32, 64];

interface Row<Kind extends string, Label extends string> {
  readonly kind: Kind;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
}
type Definition<Label extends string = string> =
  Row<'counter', Label> | Row<'gauge', Label> | (Row<'histogram', Label> & { readonly buckets: readonly number[] });

const counter = <const Label extends string>(name: string, help: string, labels: readonly Label[] = []) =>
  ({ kind: 'counter', name, help, labels }) as const;
const gauge = <const Label extends string>(name: string, help: string, labels: readonly Label[] = []) =>
  ({ kind: 'gauge', name, help, labels }) as const;
const seconds = <const Label extends string>(name: string, help: string, labels: readonly Label[] = []) =>
  ({ kind: 'histogram', name, help, labels, buckets: durationBuckets }) as const;
const sizes = <const Label extends string>(name: string, help: string, labels: readonly Label[] = []) =>
  ({ kind: 'histogram', name, help, labels, buckets: sizeBuckets }) as const;

/** Every metric there is. Base units; labels only from closed sets, never a user or an order. */
const definitions = {
  routerDecisions: counter('payment_router_decisions_total', 'Payments routed, by side and by the rule that decided', [
    'side',
    'reason',
  ]),
  routerCanaryRatio: gauge('payment_router_canary_ratio', 'Share of users on the saga side by configuration, 0 to 1'),
  routerConfigVersion: gauge(
    'payment_router_config_version',
    'Version of the rollout configuration this router applies',
  ),
  routerConfigAge: gauge(
    'payment_router_config_age_seconds',
    'Time since this router last read the rollout configuration',
  ),
  routerEmergency: gauge('payment_router_emergency_active', '1 while the emergency rollback is on'),
  shed: counter('payment_router_shed_total', 'Requests turned away to protect the rest', ['side']),
  requests: counter('payment_requests_total', 'Payment requests answered', ['side', 'engine', 'outcome']),
  duration: seconds('payment_duration_seconds', 'Payment request to final answer', ['side', 'engine', 'outcome']),
  accepted: counter('payment_accepted_total', 'Payments accepted, final or not', ['engine']),
  inflight: gauge('payment_inflight', 'Payment requests being held', ['side']),
  oldestOpen: gauge('payment_oldest_open_seconds', 'Age of the oldest payment that is not final', ['side']),
  lockWait: seconds('payment_lock_wait_seconds', 'Asking for a lock until it is held', ['engine', 'lock', 'kind']),
  lockHold: seconds('payment_lock_hold_seconds', 'A resource kept from others: union of all locks on it', [
    'engine',
    'lock',
    'kind',
  ]),
  lockHoldPerPayment: seconds(
    'payment_lock_hold_per_payment_seconds',
    'Lock hold of one payment: sum over its resources, and the longest',
    ['engine', 'figure'],
  ),
  lockLost: counter(
    'payment_lock_lost_total',
    'Redis locks that had expired when they were to be released or extended',
    ['engine'],
  ),
  txDuration: seconds('payment_tx_duration_seconds', 'Begin of a transaction to the response of its COMMIT', [
    'engine',
    'tx',
  ]),
  txPerPayment: seconds(
    'payment_tx_per_payment_seconds',
    'Transaction time of one payment: sum over boundaries, and the longest',
    ['engine', 'figure'],
  ),
  txRetries: counter('payment_tx_retries_total', 'Transactions run again after a serialization failure or deadlock', [
    'sqlstate',
  ]),
  roundTrips: counter('payment_db_round_trips_total', 'Round trips to the database'),
  commits: counter('payment_db_commits_total', 'Transactions committed'),
  sagaStarted: counter('payment_saga_started_total', 'Sagas accepted', ['style']),
  sagaCompleted: counter('payment_saga_completed_total', 'Sagas that are final', ['style', 'outcome']),
  sagaFailed: counter('payment_saga_failed_total', 'Sagas that a rule refused, by its code', ['style', 'reason']),
  sagaTime: seconds('payment_saga_execution_time_seconds', 'Saga accepted to final', ['style']),
  sagaStep: seconds(
    'payment_saga_step_duration_seconds',
    'One boundary of a saga: handed to its writer until committed',
    ['step', 'outcome'],
  ),
  sagaState: gauge('payment_saga_state', 'Sagas that are not final', ['status']),
  sagaAttention: gauge('payment_saga_attention', 'Open sagas that have faulted so often that a person should look'),
  sagaUnknownVersion: gauge(
    'payment_saga_unknown_version',
    'Open sagas of a definition that this worker does not know, and leaves alone',
  ),
  sagaExpired: counter('payment_saga_expired_total', 'Sagas turned back because their deadline had passed'),
  sagaFenced: counter('payment_saga_fenced_total', 'Writes refused to a worker that no longer owned the saga', [
    'step',
    'op',
  ]),
  receiptsPruned: counter('payment_saga_receipts_pruned_total', 'Final sagas whose receipts were pruned'),
  compensations: counter('payment_saga_compensations_total', 'Boundaries undone', ['step', 'outcome']),
  sagaRecovered: counter('payment_saga_recovered_total', 'Sagas claimed from a silent worker'),
  batchSize: sizes('payment_batch_size', 'Payments in one transaction of a boundary', ['boundary']),
  batchStatement: seconds('payment_batch_statement_seconds', 'The statement that runs a boundary for a batch', [
    'boundary',
  ]),
  queueJobs: gauge('payment_queue_jobs', 'Jobs in a queue', ['queue', 'state']),
  queueOldest: gauge('payment_queue_oldest_waiting_seconds', 'Age of the oldest job that waits', ['queue']),
  outboxUnpublished: gauge('payment_outbox_unpublished', 'Events committed and not yet delivered'),
  outboxLag: gauge('payment_outbox_lag_seconds', 'Age of the oldest event that is not delivered'),
  deliveries: counter('external_events_total', 'Deliveries tried, by result', ['target', 'status']),
  deadLetters: gauge('external_event_dead_letters', 'Events given up on', ['target']),
  deliveryOldest: gauge('external_event_oldest_seconds', 'Age of the oldest event not delivered to a target', [
    'target',
  ]),
  breakerState: gauge('external_event_breaker_state', 'Circuit breaker of a target: 0 closed, 1 half-open, 2 open', [
    'target',
  ]),
  projectionAge: gauge(
    'payment_projection_age_seconds',
    'Age of the moment up to which a projection holds everything that had committed',
    ['projection'],
  ),
  received: counter('data_platform_events_total', 'Events that reached the data platform, by what became of them', [
    'result',
  ]),
  consistencyChecked: counter(
    'payment_consistency_checked_total',
    'Orders examined by recorded verifications, added up over all of them',
  ),
  consistencyMismatches: counter(
    'payment_consistency_mismatches_total',
    'Violations found by recorded verifications, added up over all of them',
    ['severity'],
  ),
  verificationLastSuccess: gauge(
    'payment_verification_last_success_timestamp_seconds',
    'When the last recorded verification that found nothing wrong ended',
  ),
  nightlyLastRun: gauge(
    'payment_nightly_last_run_timestamp_seconds',
    'When the last nightly verification ended, whatever it found',
  ),
  nightlyExpectedInterval: gauge(
    'payment_nightly_expected_interval_seconds',
    'A night is missed when the last nightly verification ended longer ago',
  ),
  nightlySuccess: gauge(
    'payment_nightly_success',
    '1 when the last nightly verification examined orders and found nothing wrong, else 0',
  ),
  nightlyDuration: gauge('payment_nightly_duration_seconds', 'How long the last nightly verification was at work'),
  nightlyExamined: gauge('payment_nightly_examined_orders', 'Orders the last nightly verification examined'),
  nightlyViolations: gauge('payment_nightly_violations', 'Violations the last nightly verification found', [
    'severity',
  ]),
  nightlyProven: gauge(
    'payment_nightly_proven_ratio',
    'Share of orders that the last nightly verification proves consistent, with 95 % confidence: a lower bound',
  ),
  onlineCycle: seconds(
    'payment_online_verification_cycle_seconds',
    'One look of the online verifier at what has changed',
  ),
  onlineOrders: counter('payment_online_verification_orders_total', 'Orders examined by the online verifier'),
  onlineWaiting: gauge(
    'payment_online_verification_waiting',
    'Orders that changed and wait for the next cycle of the online verifier',
  ),
  onlineLast: gauge(
    'payment_online_verification_last_timestamp_seconds',
    'When the online verifier last ended a cycle',
  ),
  onlineViolations: counter('payment_online_violations_total', 'Violations found by the online verifier', ['code']),
  moneyInFlight: gauge('payment_money_in_flight_won', 'Debited and neither paid nor given back yet'),
  stockInFlight: gauge(
    'payment_stock_in_flight',
    'Reserved for orders in payment and neither confirmed nor released yet',
  ),
  collectRequests: counter('collect_requests_total', 'Posts to /collect, by what became of them', ['outcome']),
  collectItems: counter('collect_items_total', 'Items of telemetry taken at /collect', ['kind']),
  businessEvents: counter('business_events_total', 'Business events for the Faro sink', ['result']),
} as const satisfies Readonly<Record<string, Definition>>;
type Definitions = typeof definitions;

/** For those who ask Prometheus: dashboards and rules. */
export const metricNames = Object.fromEntries(
  Object.entries(definitions).map(([key, { name }]) => [key, name]),
) as unknown as { readonly [Key in keyof Definitions]: Definitions[Key]['name'] };

type Instrument<D> =
  D extends Row<'counter', infer L>
    ? Counter<L>
    : D extends Row<'gauge', infer L>
      ? Gauge<L>
      : D extends Row<'histogram', infer L>
        ? Histogram<L>
        : never;
type Instruments = { readonly [Key in keyof Definitions]: Instrument<Definitions[Key]> };

export interface Metrics extends Instruments {
  readonly registry: Registry;
}

function instrument(definition: Definition, registry: Registry): Counter | Gauge | Histogram {
  const { name, help, labels } = definition;
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  switch (definition.kind) {
    case 'counter':
      return new Counter(options);
    case 'gauge':
      return labels.length === 0 ? unsaid(new Gauge(options)) : new Gauge(options);
    case 'histogram':
      return new Histogram({ ...options, buckets: [...definition.buckets] });
  }
}

/** prom-client has a gauge without labels say 0 from its start, also in a process that never measures it: nothing is not 0. */
function unsaid(gauge: Gauge): Gauge {
  gauge.remove();
  return gauge;
}

/** One registry per process, so that tests and engines in one process do not count into each other's. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const instruments = Object.fromEntries(
    Object.entries(definitions).map(([key, definition]) => [key, instrument(definition, registry)]),
  );
  return { registry, ...(instruments as unknown as Instruments) };
}
