import { metricNames as m } from '../../../runtime/metrics.ts';
import type { DashboardSection } from '../dashboard.ts';
import { mean, perSecond, quantile, sagaEngines, orNone } from '../promql.ts';

const p95 = 0.95;
/** They have no other kind, so no union of kinds is measured. */
const rowsOfSagas = `${m.lockHold}{kind="row", engine=~"${sagaEngines}"}`;

export const locks: DashboardSection = {
  title: 'Locks',
  panels: [
    {
      title: 'Lock wait, p95',
      description: 'From asking for a lock until it is held.',
      unit: 's',
      queries: [{ expr: quantile(p95, m.lockWait, 'engine, lock, kind'), legend: '{{engine}}: {{lock}} {{kind}}' }],
    },
    {
      title: 'Lock hold by resource, p95',
      description: 'How long others are kept away. The Redis and the row lock of one resource overlap: counted once.',
      unit: 's',
      queries: [
        { expr: quantile(p95, `${m.lockHold}{kind="union"}`, 'engine, lock'), legend: '{{engine}}: {{lock}}' },
        { expr: quantile(p95, rowsOfSagas, 'engine, lock'), legend: '{{engine}}: {{lock}}' },
      ],
    },
    {
      title: 'Lock hold by kind, p95',
      description: 'Redis locks are taken first and kept longest; only the monolith has them.',
      unit: 's',
      queries: [
        { expr: quantile(p95, `${m.lockHold}{kind!="union"}`, 'engine, kind'), legend: '{{engine}}: {{kind}}' },
      ],
    },
    {
      title: 'Lock hold of a payment, p95',
      description: 'Sum over its resources, and the longest.',
      unit: 's',
      queries: [{ expr: quantile(p95, m.lockHoldPerPayment, 'engine, figure'), legend: '{{engine}}: {{figure}}' }],
    },
    {
      title: 'Redis locks lost',
      description:
        'Per second: locks of the monolith that had expired before they were released. Row locks still protect.',
      unit: 'ops',
      queries: [{ expr: orNone(perSecond(m.lockLost, 'engine'), 'engine'), legend: '{{engine}}' }],
    },
  ],
};

export const transactions: DashboardSection = {
  title: 'Transactions and batches',
  panels: [
    {
      title: 'Transaction time, p95',
      description: 'Begin to the response of COMMIT, by transaction.',
      unit: 's',
      queries: [{ expr: quantile(p95, m.txDuration, 'engine, tx'), legend: '{{engine}}: {{tx}}' }],
    },
    {
      title: 'Transaction time of a payment, p95',
      description: 'Sum over its boundaries, and the longest.',
      unit: 's',
      queries: [{ expr: quantile(p95, m.txPerPayment, 'engine, figure'), legend: '{{engine}}: {{figure}}' }],
    },
    {
      title: 'Batch size, mean',
      description: 'Payments in one transaction of a boundary. One at low load; it grows with the load, to 64 at most.',
      unit: 'short',
      decimals: 1,
      queries: [{ expr: mean(m.batchSize, 'boundary'), legend: '{{boundary}}' }],
    },
    {
      title: 'Batch statement, p95',
      description: 'The statement that runs a boundary for a batch. It must not grow with the tables.',
      unit: 's',
      queries: [{ expr: quantile(p95, m.batchStatement, 'boundary'), legend: '{{boundary}}' }],
    },
    {
      title: 'Round trips and commits',
      description: 'To the database, per second, those that look for work when there is none included.',
      unit: 'ops',
      queries: [
        { expr: perSecond(`${m.roundTrips}{job=~"router|worker"}`, 'job'), legend: 'round trips, {{job}}' },
        { expr: perSecond(`${m.commits}{job=~"router|worker"}`, 'job'), legend: 'commits, {{job}}' },
      ],
    },
  ],
};
