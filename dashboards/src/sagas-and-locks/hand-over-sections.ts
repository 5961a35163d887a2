import { metricNames as m } from '../../../runtime/metrics.ts';
import type { DashboardSection } from '../dashboard.ts';
import { perSecond } from '../promql.ts';

export const queues: DashboardSection = {
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
};

export const delivery: DashboardSection = {
  title: 'Delivery to the outside',
  panels: [
    {
      title: 'Deliveries',
      description: 'Per second, by target and result. FAILED is tried again by a worker; the monolith tries once.',
      unit: 'ops',
      queries: [{ expr: perSecond(m.deliveries, 'job, target, status'), legend: '{{job}}, {{target}}: {{status}}' }],
    },
    {
      title: 'Seen by the data platform',
      description: 'Events per second at the receiving end. duplicate: delivered again after a doubt, and recognised.',
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
};

export const processes: DashboardSection = {
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
};
