import type { Invariant, Subject } from './invariant.ts';

/** The events of an order beside the saga that wrote them. */
const stream: Subject = {
  name: 'event stream',
  key: 'order',
  tables: ['saga_state', 'event_store', 'orders'],
  sql: (within) => `
    select coalesce(e.aggregate_id, 'order-' || s.order_id) as id, s.order_id, o.engine, s.status, s.event_count, o.status as order_status,
      coalesce(e.events, 0) as events, e.first_number, e.last_number,
      coalesce(e.completed, 0) as completed, coalesce(e.failed, 0) as failed, e.final_number, e.code,
      case when e.completed > 0 then 'COMPLETED' when e.failed > 0 then 'COMPENSATED' when e.rejected > 0 then 'COMPENSATING' else 'RUNNING' end as folded
    from (select g.*, 'order-' || g.order_id as aggregate_id from saga_state g where ${within('g.order_id')}) s
    full join (
      select aggregate_id, count(*) as events, min(sequence_number) as first_number, max(sequence_number) as last_number,
        count(*) filter (where event_type = 'payment.completed') as completed, count(*) filter (where event_type = 'payment.failed') as failed,
        count(*) filter (where event_type like '%.rejected') as rejected,
        max(sequence_number) filter (where event_type in ('payment.completed', 'payment.failed')) as final_number,
        max(event_data->>'code') filter (where event_type = 'payment.failed') as code
      from event_store where ${within('aggregate_id', 'order-')} group by aggregate_id) e on e.aggregate_id = s.aggregate_id
    left join orders o on o.id = s.order_id`,
};

export const eventInvariants: readonly Invariant[] = [
  {
    code: 'E1',
    class: 'I',
    severity: 'process',
    sentence: 'The events of an order are numbered 1, 2, .. n.',
    remedy: 'An event was lost or written outside of its boundary’s transaction.',
    binds: 'sagas',
    examines: 'paid',
    checks: [
      {
        subject: stream,
        applies: 'events > 0',
        wrong: 'first_number is distinct from 1 or last_number is distinct from events',
      },
    ],
  },
  {
    code: 'E2',
    class: 'I',
    severity: 'process',
    sentence: 'A saga’s order has exactly one payment.completed when it is PAID, and none else.',
    remedy: 'Tell the consumers; they have seen a payment too many or too few.',
    binds: 'sagas',
    examines: 'worked on',
    checks: [{ subject: stream, wrong: `completed is distinct from case order_status when 'PAID' then 1 else 0 end` }],
  },
  {
    code: 'E3',
    class: 'I',
    severity: 'process',
    sentence: 'The events, folded, give the status of saga and order.',
    remedy: 'Something changed a status without an event.',
    binds: 'sagas',
    examines: 'worked on',
    checks: [
      {
        subject: stream,
        applies: `status is distinct from 'FAILED'`,
        wrong: `folded is distinct from status or events is distinct from event_count or failed > 1
          or (final_number is not null and final_number is distinct from events)
          or case folded when 'COMPLETED' then order_status is distinct from 'PAID'
            when 'COMPENSATED' then order_status is distinct from refusal_status(code)
            else order_status is distinct from case events when 0 then 'PENDING' else 'PAYING' end end`,
      },
    ],
  },
];
