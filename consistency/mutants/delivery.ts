import type { Mutant } from './mutant.ts';
import { lean, refusedSaga, saga } from './targets.ts';

export const deliveryMutants: readonly Mutant[] = [
  { code: 'X1', does: 'a payment is not delivered', sql: `delete from external_event_log where order_id = ${saga}` },
  {
    code: 'X1',
    does: 'a payment is delivered twice',
    sql: `insert into external_event_log (order_id, event_type, target_system, event_data)
      select order_id, event_type, target_system, event_data from external_event_log where order_id = ${lean}`,
  },
  {
    code: 'X1',
    does: 'a refused payment is delivered',
    sql: `update external_event_log set order_id = ${refusedSaga} where order_id = ${saga}`,
  },
  {
    code: 'X1',
    does: 'a delivery of no order',
    sql: `update external_event_log set order_id = 999999999 where order_id = ${lean}`,
  },
  {
    code: 'X1',
    does: 'a payment is not delivered to a target that was routed before it',
    sql: `insert into delivery_route (event_type, target_system, since) values ('product.purchased', 'inventory', '2000-01-01')`,
  },
  {
    code: 'X2',
    does: 'a delivery is still waiting',
    sql: `update external_event_log set status = 'FAILED' where order_id = ${lean}`,
  },
];
