import { engineNames } from './engine-names.ts';
import type { Invariant, Subject } from './invariant.ts';
import { order } from './order.ts';

const delivery: Subject = {
  name: 'delivery',
  sql: `
    select d.first_id as id, d.order_id, d.rows, d.open, o.status as order_status
    from (
      select order_id, event_type, target_system, min(event_id) as first_id, count(*) as rows,
        count(*) filter (where status not in ('SENT', 'DEAD_LETTER')) as open
      from external_event_log group by order_id, event_type, target_system) d
    left join orders o on o.id = d.order_id`,
};

export const deliveryInvariants: readonly Invariant[] = [
  {
    code: 'X1',
    class: 'I',
    severity: 'delivery',
    sentence: 'A paid order has one delivery per event and target system; an order that is not paid has none.',
    checks: [
      {
        subject: order,
        applies: `engine in ${engineNames.delivering}`,
        wrong: `deliveries is distinct from case status when 'PAID' then targets else 0 end`,
      },
      { subject: order, applies: `engine in ${engineNames.notDelivering}`, wrong: 'deliveries > 0' },
      { subject: delivery, wrong: `rows > 1 or order_status is distinct from 'PAID'` },
    ],
  },
  {
    code: 'X2',
    class: 'Q',
    severity: 'delivery',
    sentence: 'When drained, every delivery is sent or a dead letter.',
    checks: [{ subject: delivery, wrong: 'open > 0' }],
  },
];
