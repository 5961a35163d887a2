/** Series by name, values in promtool's notation: `0+2x9` is 0, 2, 4, ... ten values. */
type Input = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly alert: string;
  /** Between two values, and between two evaluations: short for seconds, long for days. */
  readonly every: '5s' | '1h';
  /** When to look. */
  readonly at: string;
  readonly firing: readonly Input[];
  readonly silent: readonly Input[];
}

const constant = (value: number): string => `${value}+0x400`;
const rising = (step: number): string => `0+${step}x400`;

const requests = (good: number, bad: number): Input => ({
  'payment_requests_total{side="saga", outcome="good"}': rising(good),
  'payment_requests_total{side="saga", outcome="bad"}': rising(bad),
  'payment_requests_total{side="legacy", outcome="good"}': rising(1_000),
  'payment_requests_total{side="legacy", outcome="bad"}': rising(0),
});
/** Two routers show the same: it must not count twice. */
const verified = (checked: number, money: number): Input =>
  Object.fromEntries(
    ['a', 'b'].flatMap((instance) => [
      [`payment_consistency_checked_total{instance="${instance}"}`, rising(checked)],
      [`payment_consistency_mismatches_total{instance="${instance}", severity="money"}`, rising(money)],
      [`payment_consistency_mismatches_total{instance="${instance}", severity="stock"}`, rising(0)],
    ]),
  );
const delivered = (sent: number, dead: number): Input => ({
  'external_events_total{target="data-platform", status="SENT"}': rising(sent),
  ...(dead > 0 && { 'external_events_total{target="data-platform", status="DEAD_LETTER"}': rising(dead) }),
});

/** Firing just above, silent just below what the promise and the burn rate allow. */
const burning = (
  name: string,
  series: (good: number, bad: number) => Input,
  fast: readonly [number, number],
  slow: readonly [number, number],
  fine: readonly [number, number],
): AlertCase[] => [
  {
    alert: `${name}BurningFast`,
    every: '5s',
    at: '3m',
    firing: [series(...fast)],
    silent: [series(...slow), series(...fine)],
  },
  { alert: `${name}Burning`, every: '1h', at: '5h', firing: [series(...slow)], silent: [series(...fine)] },
  {
    alert: `${name}BurningInBench`,
    every: '5s',
    at: '1m',
    firing: [series(...fast)],
    silent: [series(...slow), series(...fine)],
  },
];

const nobody: Input = { 'up{job="router"}': constant(1) };
const gauge = (series: string, firing: number, silent: number): Pick<AlertCase, 'firing' | 'silent'> => ({
  firing: [{ [series]: constant(firing) }],
  silent: [{ [series]: constant(silent) }],
});

export const alertCases: readonly AlertCase[] = [
  ...burning('Success', requests, [984, 16], [995, 5], [99_995, 5]),
  ...burning('Consistency', verified, [10_000, 20], [10_000, 5], [100_000, 1]),
  ...burning('Delivery', delivered, [984, 16], [995, 5], [1_000, 0]),
  {
    alert: 'ConsistencyMismatch',
    every: '5s',
    at: '2m',
    firing: [{ 'payment_consistency_mismatches_total{severity="money"}': '0+0x10 1+0x40' }],
    silent: [
      {
        'payment_consistency_mismatches_total{severity="money"}': constant(3), // of long ago
        'payment_consistency_mismatches_total{severity="stock"}': rising(1),
      },
    ],
  },
  {
    alert: 'OnlineViolation',
    every: '5s',
    at: '2m',
    firing: [{ 'payment_online_violations_total{code="B5"}': '0+0x10 1+0x40' }],
    silent: [{ 'payment_online_violations_total{code="B5"}': constant(3) }], // of long ago
  },
  {
    alert: 'OnlineVerifierBehind',
    every: '5s',
    at: '10m',
    ...gauge('payment_online_verification_last_timestamp_seconds', 0, 595),
  },
  {
    alert: 'VerificationMissed',
    every: '1h',
    at: '28h',
    ...gauge('payment_verification_last_success_timestamp_seconds', 0, 3 * 3_600),
  },
  {
    alert: 'VerificationNeverRan',
    every: '1h',
    at: '28h',
    firing: [nobody],
    silent: [{ payment_verification_last_success_timestamp_seconds: constant(0) }],
  },
  {
    alert: 'NightlyMissed',
    every: '1h',
    at: '28h',
    firing: [
      {
        payment_nightly_last_run_timestamp_seconds: constant(0),
        payment_nightly_expected_interval_seconds: constant(26 * 3_600),
      },
      {
        // Every two hours is what this one promises.
        payment_nightly_last_run_timestamp_seconds: constant(24 * 3_600),
        payment_nightly_expected_interval_seconds: constant(2 * 3_600),
      },
    ],
    silent: [
      {
        payment_nightly_last_run_timestamp_seconds: constant(3 * 3_600),
        payment_nightly_expected_interval_seconds: constant(26 * 3_600),
      },
      {
        // A process that has just started has not read of the last run yet, another one has.
        'payment_nightly_last_run_timestamp_seconds{instance="file"}': constant(0),
        'payment_nightly_last_run_timestamp_seconds{instance="router"}': constant(20 * 3_600),
        payment_nightly_expected_interval_seconds: constant(26 * 3_600),
      },
      { payment_nightly_expected_interval_seconds: constant(26 * 3_600) }, // None yet: VerificationNeverRan says so.
    ],
  },
  { alert: 'NightlyFailed', every: '1h', at: '2h', ...gauge('payment_nightly_success', 0, 1) },
  { alert: 'SagaStuck', every: '5s', at: '1m', ...gauge('payment_oldest_open_seconds{side="saga"}', 61, 59) },
  {
    alert: 'SagasUnwatched',
    every: '5s',
    at: '2m',
    firing: [nobody],
    silent: [{ 'payment_saga_state{status="RUNNING"}': constant(0) }],
  },
  { alert: 'CompensationFailing', every: '5s', at: '1m', ...gauge('payment_saga_attention', 1, 0) },
  {
    alert: 'CompensationSlow',
    every: '5s',
    at: '12m',
    firing: [{ 'payment_saga_state{status="COMPENSATING"}': constant(3) }],
    silent: [
      {
        // Busy, but all were done once in four minutes.
        'payment_saga_state{status="COMPENSATING"}': Array.from({ length: 200 }, (_, i) => (i % 48 === 0 ? 0 : 3)).join(
          ' ',
        ),
      },
    ],
  },
  { alert: 'DeadLetters', every: '5s', at: '1m', ...gauge('external_event_dead_letters{target="crm"}', 1, 0) },
  { alert: 'BreakerOpen', every: '5s', at: '2m', ...gauge('external_event_breaker_state{target="crm"}', 2, 1) },
  {
    alert: 'SagaVersionUnknown',
    every: '5s',
    at: '2m',
    firing: [
      {
        'payment_saga_unknown_version{instance="a"}': constant(4),
        'payment_saga_unknown_version{instance="b"}': constant(2),
      },
    ],
    silent: [
      {
        // During a deployment the new worker knows what the old one does not.
        'payment_saga_unknown_version{instance="old"}': constant(4),
        'payment_saga_unknown_version{instance="new"}': constant(0),
      },
    ],
  },
  { alert: 'OutboxLag', every: '5s', at: '1m', ...gauge('payment_outbox_lag_seconds', 31, 29) },
  {
    alert: 'RollbackNotEffective',
    every: '5s',
    at: '2m',
    firing: [
      { 'payment_saga_started_total{style="orchestration"}': rising(1), payment_router_emergency_active: constant(1) },
      {
        // One of two routers has not heard of it.
        'payment_saga_started_total{style="orchestration", instance="a"}': constant(7),
        'payment_saga_started_total{style="orchestration", instance="b"}': rising(1),
        'payment_router_emergency_active{instance="a"}': constant(1),
        'payment_router_emergency_active{instance="b"}': constant(0),
      },
    ],
    silent: [
      { 'payment_saga_started_total{style="orchestration"}': rising(1), payment_router_emergency_active: constant(0) },
      {
        // Traffic until the rollback, and none after it: looked at 20 s later.
        'payment_saga_started_total{style="orchestration"}': '0+1x20 20+0x10',
        payment_router_emergency_active: '0+0x20 1+0x10',
      },
    ],
  },
  {
    alert: 'EmergencyLatchedTooLong',
    every: '1h',
    at: '5h',
    firing: [{ payment_router_emergency_active: constant(1) }],
    silent: [{ payment_router_emergency_active: '1+0x3 0+0x30' }],
  },
  {
    alert: 'RouterConfigStale',
    every: '5s',
    at: '1m',
    ...gauge('payment_router_config_age_seconds{instance="a"}', 11, 9),
  },
  {
    alert: 'RouterVersionSkew',
    every: '5s',
    at: '1m',
    firing: [
      {
        'payment_router_config_version{instance="a"}': constant(3),
        'payment_router_config_version{instance="b"}': constant(4),
      },
    ],
    silent: [
      {
        // The second one heard of it one scrape later.
        'payment_router_config_version{instance="a"}': '3+0x10 4+0x10',
        'payment_router_config_version{instance="b"}': '3+0x11 4+0x10',
      },
    ],
  },
  { alert: 'TargetDown', every: '5s', at: '1m', ...gauge('up{job="worker"}', 0, 1) },
];
