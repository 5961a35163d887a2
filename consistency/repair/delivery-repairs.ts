import { engineNames } from '../catalogue/engine-names.ts';
import type { Repair } from './repair.ts';

/** As createPayment writes them, for the routes that were there. */
const missing = `
  select m.order_id, r.event_type, r.target_system,
    outside_event_of_payment(r.event_type, m.id, m.order_id, m.user_id, m.amount, i.product_id, i.qty, i.unit_price) as event_data
  from payments m
  join orders o on o.id = m.order_id and o.status = 'PAID' and o.engine in ${engineNames.delivering}
  join delivery_route r on r.since < m.created_at and r.event_type in ('payment.completed', 'order.completed', 'product.purchased', 'user.activity')
  left join order_items i on r.event_type = 'product.purchased' and i.order_id = m.order_id
  where m.order_id = $1 and not exists (
    select from external_event_log x
    where x.order_id = m.order_id and x.event_type = r.event_type and x.target_system = r.target_system
      and case r.event_type when 'product.purchased' then (x.event_data->>'productId')::bigint = i.product_id
        when 'user.activity' then x.event_data->>'activity' = 'payment.completed' else true end)`;

export const deliver: Repair = {
  name: 'deliver',
  target: 'order',
  needs: ['P1', 'P2', 'P4'],
  plan: `
    select format('add %s missing deliveries of order %s, which the relay then sends: %s', count(*), $1::bigint,
      string_agg(distinct event_type || ' to ' || target_system, ', ')) as says
    from (${missing}) d having count(*) > 0`,
  act: `insert into external_event_log (order_id, event_type, target_system, event_data) ${missing}`,
};
