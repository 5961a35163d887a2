import { metricNames as m } from '../../../runtime/metrics.ts';
import type { DashboardSection } from '../dashboard.ts';
import type { PanelRow } from '../panel.ts';
import { legacyEngines, mean, perSecond, quantile, sagaEngines } from '../promql.ts';

const percentiles = [0.5, 0.95, 0.99];

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

export const traffic: DashboardSection = {
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
};

export const latency: DashboardSection = {
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
};

export const transactions: DashboardSection = {
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
};
