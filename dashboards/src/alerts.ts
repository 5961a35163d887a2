import { metricNames as m } from '../../runtime/metrics.ts';
import { bench, burnExpression, monthly, type Slo, slos } from './slos.ts';

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it must be so. */
  readonly for: string;
  /** page: somebody looks now. ticket: somebody looks today. */
  readonly severity: 'page' | 'ticket';
  readonly summary: string;
  readonly description: string;
}

const burning = (slo: Slo, severity: 'page' | 'ticket'): Alert => ({
  name: `${slo.name}${severity === 'page' ? 'BurningFast' : 'Burning'}`,
  expr: burnExpression(slo, monthly[severity]),
  for: severity === 'page' ? '1m' : '15m',
  severity,
  summary: `The error budget of ${slo.id} is spent ${severity === 'page' ? 'within days' : 'before the month ends'}`,
  description: `{{ $value | humanizePercentage }} of the events of late are bad: ${slo.meaning}. The objective is ${slo.objective * 100} %.`,
});

/** For runs of minutes: the same promises over short windows. */
export const benchAlerts: readonly Alert[] = slos.map((slo) => ({
  name: `${slo.name}BurningInBench`,
  expr: burnExpression(slo, bench),
  for: '0s',
  severity: 'ticket',
  summary: `This run misses its objective of ${slo.id}`,
  description: `{{ $value | humanizePercentage }} of the events of the last 30 s are bad: ${slo.meaning}. The objective is ${slo.objective * 100} %.`,
}));

export const alerts: readonly Alert[] = [
  ...slos.flatMap((slo) => [burning(slo, 'page'), burning(slo, 'ticket')]),
  {
    name: 'ConsistencyMismatch',
    expr: `max(increase(${m.consistencyMismatches}{severity="money"}[1h])) > 0`,
    for: '0s',
    severity: 'page',
    summary: 'A verification found money that does not add up',
    description: 'About {{ $value | humanize }} violations of severity money were recorded within the last hour.',
  },
  {
    name: 'OnlineViolation',
    expr: `sum by (code) (increase(${m.onlineViolations}[5m])) > 0`,
    for: '0s',
    severity: 'page',
    summary: 'What was written a moment ago breaks {{ $labels.code }}',
    description: 'About {{ $value | humanize }} violations in five minutes. It goes on as long as what causes it does.',
  },
  {
    name: 'OnlineVerifierBehind',
    expr: `time() - max(${m.onlineLast}) > 60`,
    for: '1m',
    severity: 'ticket',
    summary: 'The online verifier has not looked for more than a minute',
    description:
      'Its last look ended {{ $value | humanizeDuration }} ago: it has lost the database, or cannot keep up.',
  },
  {
    name: 'VerificationMissed',
    expr: `time() - max(${m.verificationLastSuccess}) > 26 * 3600`,
    for: '5m',
    severity: 'ticket',
    summary: 'No verification has passed for more than 26 hours',
    description: 'The last recorded verification that found nothing wrong ended {{ $value | humanizeDuration }} ago.',
  },
  {
    name: 'VerificationNeverRan',
    expr: `absent(${m.verificationLastSuccess})`,
    for: '26h',
    severity: 'ticket',
    summary: 'No verification that was recorded has ever passed',
    description: 'Whether payments are consistent is not known: nothing has looked.',
  },
  {
    name: 'NightlyMissed',
    expr: `time() - max(${m.nightlyLastRun}) > max(${m.nightlyExpectedInterval})`,
    for: '5m',
    severity: 'ticket',
    summary: 'A night went by without a verification',
    description: 'The last nightly verification ended {{ $value | humanizeDuration }} ago, whatever it found.',
  },
  {
    name: 'NightlyFailed',
    expr: `min(${m.nightlySuccess}) == 0`,
    for: '0s',
    severity: 'ticket',
    summary: 'The last nightly verification found the books not in order, or nothing to examine',
    description: 'Its page names what is broken, since which night, and what to do.',
  },
  {
    name: 'SagaStuck',
    expr: `max by (side) (${m.oldestOpen}) > 60`,
    for: '15s',
    severity: 'page',
    summary: 'A payment has not been final for more than a minute',
    description: 'The oldest open payment on the {{ $labels.side }} side is {{ $value | humanizeDuration }} old.',
  },
  {
    name: 'SagasUnwatched',
    expr: `absent(${m.sagaState})`,
    for: '1m',
    severity: 'page',
    summary: 'No saga worker reports',
    description: 'The gauges of open sagas, outbox and dead letters come from saga workers, and none is scraped.',
  },
  {
    name: 'CompensationFailing',
    expr: `max(${m.sagaAttention}) > 0`,
    for: '0s',
    severity: 'page',
    summary: 'A saga keeps failing on its way forward or back',
    description: '{{ $value }} open sagas have faulted at least eight times in a row. They are still tried.',
  },
  {
    name: 'CompensationSlow',
    expr: `min(min_over_time(${m.sagaState}{status="COMPENSATING"}[5m])) > 0`,
    for: '5m',
    severity: 'ticket',
    summary: 'Sagas have been on their way back for minutes without a pause',
    description: 'At every look of ten minutes at least {{ $value }} sagas were compensating.',
  },
  {
    name: 'DeadLetters',
    expr: `max by (target) (${m.deadLetters}) > 0`,
    for: '0s',
    severity: 'ticket',
    summary: 'Events for {{ $labels.target }} were given up on',
    description: '{{ $value }} events wait for a person.',
  },
  {
    name: 'BreakerOpen',
    expr: `max by (target) (${m.breakerState}) == 2`,
    for: '1m',
    severity: 'page',
    summary: 'Nothing is delivered to {{ $labels.target }}',
    description: 'Its circuit breaker has been open for a minute. Events wait in the delivery log.',
  },
  {
    name: 'SagaVersionUnknown',
    expr: `min(${m.sagaUnknownVersion}) > 0`,
    for: '1m',
    severity: 'ticket',
    summary: 'Open sagas were started by a definition that no worker knows',
    description: '{{ $value }} sagas wait for a worker of their version.',
  },
  {
    name: 'OutboxLag',
    expr: `max(${m.outboxLag}) > 30`,
    for: '15s',
    severity: 'page',
    summary: 'The outside hears of payments too late',
    description: 'The oldest event that is not delivered is {{ $value | humanizeDuration }} old.',
  },
  {
    // 20 s of starts within 30 s of emergency: what was started just before the rollback does not count.
    name: 'RollbackNotEffective',
    expr: `sum(increase(${m.sagaStarted}[20s])) > 0 and max(min_over_time(${m.routerEmergency}[30s])) == 1`,
    for: '10s',
    severity: 'page',
    summary: 'Sagas start although the emergency rollback is on',
    description: 'About {{ $value | humanize }} sagas were started in 20 s, more than 10 s after the rollback.',
  },
  {
    name: 'EmergencyLatchedTooLong',
    expr: `max(${m.routerEmergency}) == 1`,
    for: '4h',
    severity: 'ticket',
    summary: 'The emergency rollback has been on for four hours',
    description: 'Everybody is on the monolith, whatever the configured share says.',
  },
  {
    name: 'RouterConfigStale',
    expr: `max by (instance) (${m.routerConfigAge}) > 10`,
    for: '10s',
    severity: 'page',
    summary: 'A router cannot read the rollout configuration',
    description:
      '{{ $labels.instance }} read it {{ $value | humanizeDuration }} ago and sends everybody to the monolith.',
  },
  {
    name: 'RouterVersionSkew',
    expr: `max(${m.routerConfigVersion}) - min(${m.routerConfigVersion}) > 0`,
    for: '15s',
    severity: 'ticket',
    summary: 'Routers apply different versions of the rollout configuration',
    description: 'The newest and the oldest version in use are {{ $value }} apart.',
  },
  {
    name: 'TargetDown',
    expr: 'up == 0',
    for: '30s',
    severity: 'page',
    summary: '{{ $labels.job }} does not answer',
    description: '{{ $labels.instance }} has not been scraped for 30 s: what it measures is not known.',
  },
];
