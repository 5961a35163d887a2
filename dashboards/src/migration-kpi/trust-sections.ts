import { metricNames as m } from '../../../runtime/metrics.ts';
import type { DashboardSection } from '../dashboard.ts';
import { perSecond, quantile, sinceYesterday } from '../promql.ts';
import { errorRatioName, slos } from '../slos.ts';

export const success: DashboardSection = {
  title: 'Success and consistency',
  panels: [
    {
      title: 'Success over time',
      description: 'Share of payments that were paid or refused by a rule.',
      kpi: 'success',
      unit: 'percentunit',
      max: 1,
      decimals: 2,
      good: { atLeast: 0.999 },
      queries: [
        {
          expr: `1 - ${perSecond(`${m.requests}{outcome="bad"}`, 'side')} / (${perSecond(m.requests, 'side')} > 0)`,
          legend: '{{side}}',
        },
      ],
    },
    {
      title: 'Error budgets: times too fast',
      description:
        'Share of bad events in the last hour, divided by the share that the objective allows. Above 1 it does not last.',
      unit: 'none',
      good: { atMost: 1 },
      queries: slos.map(({ id, objective }) => ({
        expr: `${errorRatioName('1h')}{slo="${id}"} / ${Number((1 - objective).toPrecision(6))}`,
        legend: id === 'success' ? `${id}, {{side}}` : id,
      })),
    },
    {
      title: 'Violations found by verifications',
      description: 'By severity, over two days. Money above 0 is an alert.',
      kpi: 'consistency',
      unit: 'short',
      good: { atMost: 1 },
      queries: [
        {
          expr: `max by (severity) (increase(${m.consistencyMismatches}[${sinceYesterday}]))`,
          legend: '{{severity}}',
        },
      ],
    },
    {
      title: 'Last verification that passed',
      description: 'Older than 26 hours is an alert.',
      unit: 's',
      good: { atMost: 26 * 3_600 },
      queries: [{ expr: `time() - max(${m.verificationLastSuccess})`, legend: 'age' }],
    },
  ],
};

export const online: DashboardSection = {
  title: 'While payments run',
  panels: [
    {
      title: 'Violations found online',
      description:
        'By invariant, in the time shown, each within seconds of the change that broke it. Above 0 is an alert.',
      kpi: 'consistency',
      unit: 'short',
      good: { atMost: 1 },
      queries: [{ expr: `sum by (code) (increase(${m.onlineViolations}[$__range]))`, legend: '{{code}}' }],
    },
    {
      title: 'Looks of the online verifier',
      description: 'How long one takes, and how old the last one is. Above a minute it sees nothing: an alert.',
      unit: 's',
      good: { atMost: 60 },
      queries: [
        { expr: quantile(0.95, m.onlineCycle), legend: 'p95 of a look' },
        { expr: `time() - max(${m.onlineLast})`, legend: 'age of the last' },
      ],
    },
    {
      title: 'Orders examined online',
      description: 'Per second, and those that wait because more change than can be examined.',
      unit: 'short',
      queries: [
        { expr: `sum(rate(${m.onlineOrders}[$__rate_interval]))`, legend: 'examined per second' },
        { expr: `max(${m.onlineWaiting})`, legend: 'waiting' },
      ],
    },
    {
      title: 'Money in flight',
      description: 'Won that was debited and neither paid nor given back yet. What stays when nobody pays is stuck.',
      unit: 'short',
      queries: [{ expr: `max(${m.moneyInFlight})`, legend: 'won' }],
    },
    {
      title: 'Stock in flight',
      description: 'Pieces kept for orders in payment and neither confirmed nor released yet.',
      unit: 'short',
      queries: [{ expr: `max(${m.stockInFlight})`, legend: 'pieces' }],
    },
  ],
};

export const recovery: DashboardSection = {
  title: 'Recovery and rollback',
  panels: [
    {
      title: 'Oldest open payment',
      description: 'Above a minute a saga is stuck.',
      kpi: 'recovery',
      unit: 's',
      good: { atMost: 60 },
      queries: [{ expr: `max by (side) (${m.oldestOpen})`, legend: '{{side}}' }],
    },
    {
      title: 'Sagas taken over from silent workers',
      description: 'Per second. A worker that was killed shows here.',
      unit: 'ops',
      queries: [{ expr: `sum(rate(${m.sagaRecovered}[$__rate_interval]))`, legend: 'recovered' }],
    },
    {
      title: 'Emergency rollback',
      description: '1 while it is on: everybody is on the monolith, whatever share is configured.',
      unit: 'none',
      max: 1,
      decimals: 0,
      queries: [{ expr: `max(${m.routerEmergency})`, legend: 'emergency' }],
    },
    {
      title: 'Sagas started under the rollback',
      description: 'Per second, while it is on. Those of the seconds before it fade out; then it must be 0.',
      unit: 'ops',
      queries: [
        {
          expr: `sum(rate(${m.sagaStarted}[$__rate_interval])) * max(${m.routerEmergency})`,
          legend: 'started',
        },
      ],
    },
    {
      title: 'Configuration of the routers',
      description: 'Versions in use: newest and oldest are the same but for a second after a change.',
      unit: 'none',
      queries: [
        { expr: `max(${m.routerConfigVersion})`, legend: 'newest' },
        { expr: `min(${m.routerConfigVersion})`, legend: 'oldest' },
      ],
    },
    {
      title: 'Age of the configuration',
      description: 'Since a router last read the rollout. Above 10 s it sends everybody to the monolith.',
      unit: 's',
      good: { atMost: 10 },
      queries: [{ expr: `max by (instance) (${m.routerConfigAge})`, legend: '{{instance}}' }],
    },
  ],
};
