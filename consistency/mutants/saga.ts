import type { Mutant } from './mutant.ts';
import { lean, refusedSaga, saga, sagaOf } from './targets.ts';

export const sagaMutants: readonly Mutant[] = [
  { code: 'G1', does: 'a saga engine’s order without saga', sql: `delete from saga_state where order_id = ${saga}` },
  {
    code: 'G1',
    does: 'a second saga of one order, the constraint being there',
    sql: `insert into saga_state (saga_type, order_id, status, current_step) select saga_type, order_id, status, current_step from saga_state where order_id = ${saga}`,
  },
  {
    code: 'G1',
    does: 'a saga for the monolith’s order',
    sql: `update saga_state set order_id = ${lean} where order_id = ${saga}`,
  },
  {
    code: 'G1',
    does: 'the other saga engine did it',
    sql: `update saga_state set saga_type = 'choreography' where order_id = ${saga}`,
  },
  {
    code: 'G1',
    does: 'a saga on the legacy side',
    sql: `update payment_route set side = 'legacy' where order_id = ${saga}`,
  },
  { code: 'G1', does: 'a saga without a route', sql: `delete from payment_route where order_id = ${saga}` },
  {
    code: 'G2',
    does: 'a boundary in the middle has no receipt',
    sql: `delete from saga_step_execution where saga_id = ${sagaOf(saga)} and step_no = 2`,
  },
  {
    code: 'G2',
    does: 'one boundary under two names',
    sql: `update saga_step_execution set step_no = 1 where saga_id = ${sagaOf(saga)} and step_no = 2`,
  },
  {
    code: 'G2',
    does: 'a saga that was pruned has receipts left',
    sql: `update saga_state set pruned_at = now() where order_id = ${saga}`,
  },
  {
    code: 'G2',
    does: 'an open saga was pruned',
    sql: `update saga_state set pruned_at = now(), status = 'RUNNING' where order_id = ${saga};
      delete from saga_step_execution where saga_id = ${sagaOf(saga)}`,
  },
  { code: 'G2', does: 'receipts of no saga', sql: `delete from saga_state where order_id = ${saga}` },
  {
    code: 'G3',
    does: 'a completed saga without its last receipt',
    sql: `delete from saga_step_execution where saga_id = ${sagaOf(saga)} and step_no = 4`,
  },
  {
    code: 'G3',
    does: 'a completed saga undid a boundary',
    sql: `insert into saga_step_execution (saga_id, step_name, step_no, op, status) values (${sagaOf(saga)}, 'deductBalance', 2, 'COMPENSATE', 'COMPENSATED')`,
  },
  {
    code: 'G3',
    does: 'a completed saga whose order is not PAID',
    sql: `update orders set status = 'PAYING' where id = ${saga}`,
  },
  {
    code: 'G3',
    does: 'a completed saga with a failed boundary',
    sql: `update saga_step_execution set status = 'FAILED' where saga_id = ${sagaOf(saga)} and step_no = 4`,
  },
  {
    code: 'G4',
    does: 'a boundary is not undone',
    sql: `delete from saga_step_execution where saga_id = ${sagaOf(refusedSaga)} and op = 'COMPENSATE' and status = 'COMPENSATED' and step_no = 2`,
  },
  {
    code: 'G4',
    does: 'something is undone that was never done',
    sql: `update saga_step_execution set status = 'COMPENSATED' where saga_id = ${sagaOf(refusedSaga)} and op = 'COMPENSATE' and step_no = 4`,
  },
  {
    code: 'G4',
    does: 'a refusal for another reason',
    sql: `update saga_state set failure_code = 'PAYMENT_FAILED' where order_id = ${refusedSaga}`,
  },
  {
    code: 'G5',
    does: 'a saga is open long after its deadline',
    sql: `update saga_state set status = 'COMPENSATING', deadline_at = now() - interval '1 day' where order_id = ${saga}`,
  },
  {
    code: 'G5',
    does: 'a saga without a deadline is open for a day',
    sql: `update saga_state set status = 'RUNNING', deadline_at = null, created_at = now() - interval '1 day' where order_id = ${saga}`,
  },
  { code: 'G6', does: 'a saga is left open', sql: `update saga_state set status = 'RUNNING' where order_id = ${saga}` },
  {
    code: 'G7',
    does: 'a saga is given up in the middle',
    sql: `update saga_state set status = 'FAILED' where order_id = ${refusedSaga}; update orders set status = 'PAYING' where id = ${refusedSaga}`,
  },
];
