import { metricNames as m } from '../../../runtime/metrics.ts';
import type { DashboardSection } from '../dashboard.ts';
import { inAll, perSecond, quantile, orNone } from '../promql.ts';

const p95 = 0.95;

export const funnel: DashboardSection = {
  title: 'Funnel',
  panels: [
    {
      title: 'Started',
      description: 'Sagas accepted in the time shown, about.',
      as: 'number',
      unit: 'short',
      decimals: 0,
      queries: [{ expr: inAll(m.sagaStarted, 'style'), legend: '{{style}}' }],
    },
    {
      title: 'Completed',
      description: 'Sagas that became final in the time shown: paid, or rejected by a rule and undone.',
      as: 'number',
      unit: 'short',
      decimals: 0,
      width: 12,
      queries: [{ expr: inAll(m.sagaCompleted, 'style, outcome'), legend: '{{style}}: {{outcome}}' }],
    },
    {
      title: 'Needs a person',
      description: 'Open sagas that have faulted at least eight times in a row. They are still tried.',
      as: 'number',
      unit: 'short',
      decimals: 0,
      good: { atMost: 1 },
      queries: [{ expr: `max(${m.sagaAttention})`, legend: 'sagas' }],
    },
    {
      title: 'Sagas per second',
      description: 'Accepted by the router, and final at a worker.',
      unit: 'ops',
      queries: [
        { expr: perSecond(m.sagaStarted, 'style'), legend: 'started, {{style}}' },
        { expr: perSecond(m.sagaCompleted, 'style, outcome'), legend: '{{outcome}}, {{style}}' },
      ],
    },
    {
      title: 'Refused by rule',
      description: 'Per second, by the code that the caller got.',
      unit: 'ops',
      queries: [{ expr: perSecond(m.sagaFailed, 'reason'), legend: '{{reason}}' }],
    },
    {
      title: 'Open sagas',
      description: 'Not final, by the direction they go.',
      unit: 'short',
      queries: [{ expr: `max by (status) (${m.sagaState})`, legend: '{{status}}' }],
    },
    {
      title: 'Accepted to final',
      description: 'Execution time of a saga, as the router sees it.',
      unit: 's',
      good: { atMost: 2 },
      queries: [0.5, p95, 0.99].map((share) => ({
        expr: quantile(share, m.sagaTime, 'style'),
        legend: `p${share * 100}, {{style}}`,
      })),
    },
  ],
};

export const steps: DashboardSection = {
  title: 'Steps and compensations',
  panels: [
    {
      title: 'Step latency, p95',
      description: 'One boundary: handed to its writer until committed, its wait for the batch included.',
      unit: 's',
      queries: [{ expr: quantile(p95, m.sagaStep, 'step'), legend: '{{step}}' }],
    },
    {
      title: 'Steps by outcome',
      description: 'Per second.',
      unit: 'ops',
      queries: [{ expr: perSecond(`${m.sagaStep}_count`, 'step, outcome'), legend: '{{step}}: {{outcome}}' }],
    },
    {
      title: 'Compensations',
      description:
        'Boundaries undone per second, after a refusal by rule. Those that had not begun are voided, and count.',
      unit: 'ops',
      queries: [
        {
          expr: orNone(perSecond(m.compensations, 'step, outcome'), 'step'),
          legend: '{{step}} {{outcome}}',
        },
      ],
    },
    {
      title: 'Deadlines and fences',
      description:
        'Per second: sagas turned back because their deadline had passed, and writes refused to a worker that no longer owned the saga.',
      unit: 'ops',
      queries: [
        { expr: `sum(rate(${m.sagaExpired}[$__rate_interval]))`, legend: 'deadline passed' },
        { expr: orNone(perSecond(m.sagaFenced, 'step, op'), 'step'), legend: 'fenced: {{step}} {{op}}' },
      ],
    },
    {
      title: 'Left alone and tidied up',
      description:
        'Open sagas of a definition that no worker knows, and final ones whose receipts were pruned per second.',
      unit: 'short',
      queries: [
        { expr: `min(${m.sagaUnknownVersion})`, legend: 'of an unknown version' },
        { expr: `sum(rate(${m.receiptsPruned}[$__rate_interval]))`, legend: 'pruned per second' },
      ],
    },
    {
      title: 'Transactions run again',
      description: 'Per second, by SQLSTATE: 40001 serialization failure, 40P01 deadlock.',
      unit: 'ops',
      queries: [{ expr: orNone(perSecond(m.txRetries, 'sqlstate'), 'sqlstate'), legend: '{{sqlstate}}' }],
    },
  ],
};
