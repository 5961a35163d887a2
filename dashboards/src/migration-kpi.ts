import { kpiRows } from '../../bench/kpi.ts';
import { metricNames as m } from '../../runtime/metrics.ts';
import type { DashboardRow } from './dashboard.ts';
import type { PanelRow } from './panel.ts';
import {
  checkedIn,
  inAll,
  legacyEngines,
  mean,
  mismatchesIn,
  perSecond,
  quantile,
  sagaEngines,
  timesSmaller,
} from './promql.ts';
import { errorRatioName, slos } from './slos.ts';

const percentiles = [0.5, 0.95, 0.99];

/** A verification runs nightly: half an hour would mostly show none. */
const sinceYesterday = '2d';

const targets: readonly PanelRow[] = [
  {
    title: 'Success',
    description: 'Share of payments that were paid or refused by a rule, in the time shown.',
    kpi: 'success',
    as: 'number',
    unit: 'percentunit',
    decimals: 3,
    good: { atLeast: 0.999 },
    queries: [
      {
        expr: `${inAll(`${m.requests}{outcome!="bad"}`, 'side')} / (${inAll(m.requests, 'side')} > 0)`,
        legend: '{{side}}',
      },
    ],
  },
  {
    title: 'Consistency',
    description: 'Share of verified orders without a violation, over the verifications of two days.',
    kpi: 'consistency',
    as: 'number',
    unit: 'percentunit',
    decimals: 4,
    good: { atLeast: 0.9999 },
    queries: [
      {
        expr: `1 - ${mismatchesIn(sinceYesterday)} / (${checkedIn(sinceYesterday)} > 0)`,
        legend: 'verified orders',
      },
    ],
  },
  {
    title: 'Transaction time: times shorter',
    description: "The monolith's mean transaction time of a payment divided by the sagas' (sum over boundaries).",
    kpi: 'transaction-time',
    as: 'number',
    unit: 'none',
    decimals: 1,
    good: { atLeast: 5 },
    queries: [{ expr: timesSmaller(m.txPerPayment, 'sum'), legend: 'times' }],
  },
  {
    title: 'Lock hold: times shorter',
    description: "The monolith's mean lock hold of a payment divided by the sagas' (longest lock of a payment).",
    kpi: 'lock-hold',
    as: 'number',
    unit: 'none',
    decimals: 1,
    good: { atLeast: 4 },
    queries: [{ expr: timesSmaller(m.lockHoldPerPayment, 'max'), legend: 'times' }],
  },
  {
    title: 'Delivery',
    description:
      'Share of events for the outside that were delivered and not given up on: by the log of the workers, and by the call of the monolith (which tries once).',
    kpi: 'delivery',
    as: 'number',
    unit: 'percentunit',
    decimals: 3,
    good: { atLeast: 0.999 },
    queries: [
      {
        expr: `sum(increase(${m.deliveries}{job="worker", status="SENT"}[$__range])) / (sum(increase(${m.deliveries}{job="worker", status=~"SENT|DEAD_LETTER"}[$__range])) > 0)`,
        legend: 'sagas',
      },
      {
        expr: `sum(increase(${m.deliveries}{job="router", status="SENT"}[$__range])) / (sum(increase(${m.deliveries}{job="router", status=~"SENT|FAILED"}[$__range])) > 0)`,
        legend: 'monolith',
      },
    ],
  },
  {
    title: 'Availability',
    description: 'Share of requests that were not turned away to protect the rest. Faults are in Success.',
    kpi: 'availability',
    as: 'number',
    unit: 'percentunit',
    decimals: 3,
    good: { atLeast: 0.9999 },
    queries: [
      {
        expr: `sum(increase(${m.requests}[$__range])) / (sum(increase(${m.requests}[$__range])) + sum(increase(${m.shed}[$__range])) > 0)`,
        legend: 'requests',
      },
    ],
  },
  {
    title: 'Recovery: oldest open payment',
    description: 'What crashed or is stuck is older than this. The target is for everything that was open at a crash.',
    kpi: 'recovery',
    as: 'number',
    unit: 's',
    decimals: 1,
    good: { atMost: 300 },
    queries: [{ expr: `max by (side) (${m.oldestOpen})`, legend: '{{side}}' }],
  },
  {
    title: 'Throughput',
    description:
      'Payments settled per second, last minute. In a canary this follows the share, not the capacity: `npm run bench` judges the target.',
    kpi: 'throughput',
    as: 'number',
    unit: 'reqps',
    decimals: 1,
    queries: [{ expr: `sum by (side) (rate(${m.requests}{outcome!="bad"}[1m]))`, legend: '{{side}}' }],
  },
];

const latencyOf = (side: 'legacy' | 'saga'): PanelRow => ({
  title: `Latency, ${side} side`,
  width: 8,
  description: 'From the request to the final answer. The line is at 2 s, the limit a person is made to wait.',
  unit: 's',
  good: { atMost: 2 },
  queries: percentiles.map((share) => ({
    expr: quantile(share, `${m.duration}{side="${side}"}`),
    legend: `p${share * 100}`,
  })),
});

const perPayment = (name: string, figure: string, title: string, description: string, kpi: string): PanelRow => ({
  title,
  description,
  kpi,
  unit: 's',
  queries: [
    [legacyEngines, 'legacy'],
    [sagaEngines, 'saga'],
  ].flatMap(([engines, side]) => [
    { expr: mean(`${name}{engine=~"${engines}", figure="${figure}"}`, 'engine'), legend: `${side}: mean, {{engine}}` },
    {
      expr: quantile(0.95, `${name}{engine=~"${engines}", figure="${figure}"}`, 'engine'),
      legend: `${side}: p95, {{engine}}`,
    },
  ]),
});

const measuredElsewhere = ['coverage', 'independent-deployment', 'development-time'];

export const migrationKpi: DashboardRow = {
  uid: 'sagashift-migration-kpi',
  title: 'Sagashift: migration KPI',
  description: 'Every KPI of the migration with its target, the monolith and the sagas side by side.',
  sections: [
    { title: 'Targets', panels: targets },
    {
      title: 'Traffic',
      panels: [
        {
          title: 'Settled payments',
          description: 'Paid or refused by a rule, per second.',
          unit: 'reqps',
          queries: [{ expr: perSecond(`${m.requests}{outcome!="bad"}`, 'side'), legend: '{{side}}' }],
        },
        {
          title: 'Answers by outcome',
          description: 'good: paid. rejected: a rule said no. bad: a fault, or not final in time.',
          unit: 'reqps',
          queries: [{ expr: perSecond(m.requests, 'side, outcome'), legend: '{{side}}: {{outcome}}' }],
        },
        {
          title: 'Share of the saga side',
          description:
            'What is configured, and what the router really decided. VIPs and orders with a route stay where they are.',
          unit: 'percentunit',
          max: 1,
          queries: [
            { expr: `max(${m.routerCanaryRatio})`, legend: 'configured' },
            {
              expr: `(sum(rate(${m.routerDecisions}{side="saga"}[$__rate_interval])) or vector(0)) / (sum(rate(${m.routerDecisions}[$__rate_interval])) > 0)`,
              legend: 'actual',
            },
          ],
        },
        {
          title: 'Decisions by reason',
          description: 'The rule of the router that decided.',
          unit: 'reqps',
          queries: [{ expr: perSecond(m.routerDecisions, 'side, reason'), legend: '{{side}}: {{reason}}' }],
        },
      ],
    },
    {
      title: 'Latency',
      panels: [
        latencyOf('legacy'),
        latencyOf('saga'),
        {
          title: 'Latency p95, both sides',
          description: 'On one scale.',
          width: 8,
          unit: 's',
          good: { atMost: 2 },
          queries: [{ expr: quantile(0.95, m.duration, 'side'), legend: '{{side}}' }],
        },
      ],
    },
    {
      title: 'Transactions and locks',
      panels: [
        perPayment(
          m.txPerPayment,
          'sum',
          'Transaction time of a payment',
          'Summed over its boundaries.',
          'transaction-time',
        ),
        perPayment(
          m.lockHoldPerPayment,
          'max',
          'Lock hold of a payment',
          'Its longest lock: the time it keeps others from a balance, a stock or an order.',
          'lock-hold',
        ),
      ],
    },
    {
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
    },
    {
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
    },
  ],
  note: {
    title: 'Measured elsewhere',
    description: 'KPIs that no metric of a running system can show.',
    content: kpiRows
      .filter(({ id }) => measuredElsewhere.includes(id))
      .map(({ title, target }) => `- **${title}** (target: ${target}): see the report of \`npm run bench\`.`)
      .join('\n'),
  },
};
