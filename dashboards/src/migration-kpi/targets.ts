import { metricNames as m } from '../../../runtime/metrics.ts';
import type { PanelRow } from '../panel.ts';
import { checkedIn, inAll, mismatchesIn, sinceYesterday, timesSmaller } from '../promql.ts';

/** Those of the migration that a running system can be held against. */
export const targets: readonly PanelRow[] = [
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
