import { metricNames as m } from '../../runtime/metrics.ts';
import type { DashboardRow } from './dashboard.ts';
import { inAll, mean, orNone, perSecond, quantile, sagaEngines } from './promql.ts';

const p95 = 0.95;
/** They have no other kind, so no union of kinds is measured. */
const rowsOfSagas = `${m.lockHold}{kind="row", engine=~"${sagaEngines}"}`;

export const sagasAndLocks: DashboardRow = {
  uid: 'sagashift-sagas-and-locks',
  title: 'Sagashift: sagas and locks',
  description: 'What the sagas do step by step, what waits for what, and what reached the outside.',
  sections: [
    {
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
    },
    {
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
    },
    {
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
          description:
            'How long others are kept away. The Redis and the row lock of one resource overlap: counted once.',
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
    },
    {
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
          description:
            'Payments in one transaction of a boundary. One at low load; it grows with the load, to 64 at most.',
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
    },
    {
      title: 'Queues and requests',
      panels: [
        {
          title: 'Jobs in queues',
          description: 'Doorbells and envelopes, not payments: one job may stand for many.',
          unit: 'short',
          queries: [{ expr: `max by (queue, state) (${m.queueJobs})`, legend: '{{queue}}: {{state}}' }],
        },
        {
          title: 'Oldest waiting job',
          description: 'Grows when no worker takes jobs.',
          unit: 's',
          queries: [{ expr: `max by (queue) (${m.queueOldest})`, legend: '{{queue}}' }],
        },
        {
          title: 'Requests held',
          description: 'Payments that a caller waits for.',
          unit: 'short',
          queries: [{ expr: `sum by (side) (${m.inflight})`, legend: '{{side}}' }],
        },
        {
          title: 'Requests turned away',
          description: 'Per second: 429 and 503, to protect the rest.',
          unit: 'reqps',
          queries: [{ expr: `sum(rate(${m.shed}[$__rate_interval]))`, legend: 'turned away' }],
        },
      ],
    },
    {
      title: 'Delivery to the outside',
      panels: [
        {
          title: 'Deliveries',
          description: 'Per second, by target and result. FAILED is tried again by a worker; the monolith tries once.',
          unit: 'ops',
          queries: [
            { expr: perSecond(m.deliveries, 'job, target, status'), legend: '{{job}}, {{target}}: {{status}}' },
          ],
        },
        {
          title: 'Seen by the data platform',
          description:
            'Events per second at the receiving end. duplicate: delivered again after a doubt, and recognised.',
          unit: 'ops',
          queries: [{ expr: perSecond(m.received, 'result'), legend: '{{result}}' }],
        },
        {
          title: 'Outbox',
          description: 'Events committed and not delivered yet.',
          unit: 'short',
          queries: [{ expr: `max(${m.outboxUnpublished})`, legend: 'undelivered' }],
        },
        {
          title: 'Outbox lag',
          description: 'Age of the oldest event that is not delivered. Above 30 s is an alert.',
          unit: 's',
          good: { atMost: 30 },
          queries: [{ expr: `max(${m.outboxLag})`, legend: 'oldest' }],
        },
        {
          title: 'Oldest undelivered event',
          description: 'By target: one that is slow does not hold up the others.',
          unit: 's',
          good: { atMost: 30 },
          queries: [{ expr: `max by (target) (${m.deliveryOldest})`, legend: '{{target}}' }],
        },
        {
          title: 'Circuit breakers',
          description: '0 closed, 1 half-open, 2 open: nothing is sent to that target for now.',
          unit: 'none',
          max: 2,
          decimals: 0,
          good: { atMost: 2 },
          queries: [{ expr: `max by (target) (${m.breakerState})`, legend: '{{target}}' }],
        },
        {
          title: 'Dead letters',
          description: 'Events given up on: each waits for a person.',
          unit: 'short',
          good: { atMost: 1 },
          queries: [{ expr: `max by (target) (${m.deadLetters})`, legend: '{{target}}' }],
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'CPU',
          description: 'Cores in use. One Node process can use one for our code.',
          unit: 'percentunit',
          queries: [{ expr: `sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))`, legend: '{{job}}' }],
        },
        {
          title: 'Event loop lag, p99',
          description: 'How late timers are: a process that is over its limit shows it here first.',
          unit: 's',
          queries: [{ expr: `max by (job) (nodejs_eventloop_lag_p99_seconds)`, legend: '{{job}}' }],
        },
      ],
    },
  ],
};
