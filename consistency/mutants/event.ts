import type { Mutant } from './mutant.ts';
import { lean, refusedSaga, saga } from './targets.ts';

export const eventMutants: readonly Mutant[] = [
  {
    code: 'E1',
    does: 'an event is lost',
    sql: `delete from event_store where aggregate_id = 'order-' || ${saga} and sequence_number = 2`,
  },
  {
    code: 'E1',
    does: 'the first event is lost',
    sql: `delete from event_store where aggregate_id = 'order-' || ${saga} and sequence_number = 1`,
  },
  {
    code: 'E2',
    does: 'a payment is not announced',
    sql: `update event_store set event_type = 'stock.confirmed' where aggregate_id = 'order-' || ${saga} and sequence_number = 4`,
  },
  {
    code: 'E2',
    does: 'a payment is announced twice',
    sql: `insert into event_store (aggregate_id, sequence_number, event_type) values ('order-' || ${saga}, 5, 'payment.completed')`,
  },
  {
    code: 'E2',
    does: 'a refused payment is announced',
    sql: `update event_store set event_type = 'payment.completed' where aggregate_id = 'order-' || ${refusedSaga} and event_type = 'payment.failed'`,
  },
  {
    code: 'E3',
    does: 'the saga’s status is not what its events say',
    sql: `update saga_state set status = 'COMPENSATING' where order_id = ${refusedSaga}`,
  },
  {
    code: 'E3',
    does: 'the order’s status is not what its events say',
    sql: `update orders set status = 'BALANCE_INSUFFICIENT' where id = ${refusedSaga}`,
  },
  {
    code: 'E3',
    does: 'the saga counts other events than there are',
    sql: `update saga_state set event_count = event_count + 1 where order_id = ${saga}`,
  },
  {
    code: 'E3',
    does: 'events of an order without saga',
    sql: `insert into event_store (aggregate_id, sequence_number, event_type) values ('order-' || ${lean}, 1, 'order.validated')`,
  },
];
