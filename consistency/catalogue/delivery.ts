import { engineNames } from './engine-names.ts';
import type { Invariant, Subject } from './invariant.ts';

/** Events that only a payment makes true. `user.activity` is told of an order placed, too, and says which of the two. */
const ofPayment = `('payment.completed', 'order.completed', 'product.purchased')`;

/** One event to one target. What it is about, where an order has several of a kind, stands in its data; it is not read for the others. */
const delivery: Subject = {
  name: 'delivery',
  key: 'order',
  tables: ['external_event_log', 'orders'],
  sql: (within) => `
    select d.first_id as id, d.order_id, o.engine, d.rows, d.open, o.status as order_status,
      d.event_type in ${ofPayment} or d.about is not distinct from 'payment.completed' as of_payment
    from (
      select order_id, event_type, target_system,
        case event_type when 'product.purchased' then event_data->>'productId' when 'user.activity' then event_data->>'activity' end as about,
        min(event_id) as first_id, count(*) as rows,
        count(*) filter (where status not in ('SENT', 'DEAD_LETTER', 'DROPPED')) as open
      from external_event_log where ${within('order_id')} group by 1, 2, 3, 4) d
    left join orders o on o.id = d.order_id`,
};

/** A payment by an engine that delivers, and a route that was there before it: what must have been written. A route added later binds later payments only. */
const routed: Subject = {
  name: 'routed payment',
  key: 'order',
  tables: ['payments', 'orders', 'delivery_route', 'order_items', 'external_event_log'],
  sql: (within) => `
    select p.order_id as id, p.order_id, o.engine, coalesce(d.rows, 0) as rows,
      case r.event_type when 'product.purchased' then (select count(*) from order_items i where i.order_id = p.order_id) else 1 end as wanted
    from payments p
    join orders o on o.id = p.order_id and o.engine in ${engineNames.delivering}
    join delivery_route r on r.since < p.created_at and (r.event_type in ${ofPayment} or r.event_type = 'user.activity')
    left join (
      select order_id, event_type, target_system, count(*) as rows from external_event_log
      where (event_type <> 'user.activity' or event_data->>'activity' = 'payment.completed') and ${within('order_id')} group by 1, 2, 3
    ) d on d.order_id = p.order_id and d.event_type = r.event_type and d.target_system = r.target_system
    where ${within('p.order_id')}`,
};

export const deliveryInvariants: readonly Invariant[] = [
  {
    code: 'X1',
    class: 'I',
    severity: 'delivery',
    sentence:
      'A payment has one delivery per event and target system that was routed before it; an order that is not paid has none of a payment.',
    remedy:
      'Missing: add the row, the relay sends it. Routes have an age: one that is added binds payments that begin a minute later, see [delivery.md](delivery.md).',
    binds: 'delivering',
    examines: 'paid and routed',
    checks: [
      { subject: routed, wrong: 'rows is distinct from wanted' },
      {
        subject: delivery,
        wrong: `rows > 1 or order_status is null or (of_payment and (order_status is distinct from 'PAID' or engine in ${engineNames.notDelivering}))`,
      },
    ],
  },
  {
    code: 'X2',
    class: 'Q',
    severity: 'delivery',
    sentence: 'When drained, every delivery is sent, a dead letter, or dropped by a person.',
    remedy: 'The relay is down or the target is; dead letters are listed by `npm run dead-letters -- list`.',
    binds: 'delivering',
    examines: 'paid and routed',
    checks: [{ subject: delivery, wrong: 'open > 0' }],
  },
];
