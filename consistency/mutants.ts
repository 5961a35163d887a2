/** SQL that breaks one invariant of a database on which every kind of payment has been made: proof that it can fire. */
export interface Mutant {
  readonly code: string;
  readonly does: string;
  readonly sql: string;
}

const order = (engine: string, status = 'PAID', also = 'true'): string =>
  `(select id from orders where engine = '${engine}' and status = '${status}' and ${also} order by id limit 1)`;
const lean = order('legacy-lean');
const saga = order('orchestration');
const refusedSaga = order('orchestration', 'STOCK_INSUFFICIENT');
const sagaOf = (orderId: string): string => `(select saga_id from saga_state where order_id = ${orderId})`;
const withCoupon = order('legacy-lean', 'PAID', 'user_coupon_id is not null');
const payer = `(select user_id from orders where id = ${lean})`;
const product = '(select product_id from stocks where reserved > 0 order by product_id limit 1)';
const line = (orderId: string): string =>
  `order_id = ${orderId} and product_id = (select min(product_id) from order_items where order_id = ${orderId})`;

const copyMovement = (orderId: string, kind: string): string =>
  `insert into stock_ledger (product_id, order_id, kind, qty) select product_id, order_id, '${kind}', qty from order_items where ${line(orderId)}`;

export const mutants: readonly Mutant[] = [
  {
    code: 'B1',
    does: 'a balance changes without a ledger entry',
    sql: `update balances set amount = amount + 1 where user_id = ${payer}`,
  },
  { code: 'B1', does: 'a balance is gone', sql: `delete from balances where user_id = ${payer}` },
  {
    code: 'B1',
    does: 'a refund forgets the ledger',
    sql: `delete from balance_ledger where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B2',
    does: 'a balance falls below zero',
    sql: `alter table balances drop constraint balances_amount_check; update balances set amount = -1 where user_id = ${payer}`,
  },
  {
    code: 'B2',
    does: 'a balance was below zero for a moment',
    sql: `update balance_ledger set balance_after = -1 where order_id = ${lean}`,
  },
  {
    code: 'B3',
    does: 'two debits start from the same balance',
    sql: `insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
      select user_id, order_id, kind, amount, balance_after, version from balance_ledger where order_id = ${lean}`,
  },
  {
    code: 'B3',
    does: 'a version is missing',
    sql: `update balance_ledger set version = version + 1 where order_id = ${lean}`,
  },
  { code: 'B3', does: 'a debit adds', sql: `update balance_ledger set amount = -amount where order_id = ${lean}` },
  { code: 'B3', does: 'a second opening', sql: `update balance_ledger set kind = 'OPENING' where order_id = ${lean}` },
  {
    code: 'B4',
    does: 'a version is counted twice',
    sql: `update balances set version = version + 1 where user_id = ${payer}`,
  },
  {
    code: 'B5',
    does: 'a redelivered step debits again',
    sql: `with again as (update balances b set amount = b.amount + l.amount, version = b.version + 1 from balance_ledger l
        where l.order_id = ${lean} and l.kind = 'DEBIT' and b.user_id = l.user_id returning b.user_id, l.order_id, l.amount as taken, b.amount, b.version)
      insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
      select user_id, order_id, 'DEBIT', taken, amount, version from again`,
  },
  {
    code: 'B6',
    does: 'a refund of another amount',
    sql: `update balance_ledger set amount = amount - 1 where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B6',
    does: 'a refund to another user',
    sql: `update balance_ledger set user_id = user_id + 1 where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B6',
    does: 'a refund without a debit',
    sql: `delete from balance_ledger where kind = 'DEBIT' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B7',
    does: 'a debit of another amount',
    sql: `update balance_ledger set amount = amount - 1 where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B7',
    does: 'a debit of another user',
    sql: `update balance_ledger set user_id = user_id + 1 where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B7',
    does: 'a debit of an order that does not exist',
    sql: `update balance_ledger set order_id = 999999999 where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B7',
    does: 'a debit without order',
    sql: `update balance_ledger set order_id = null where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B8',
    does: 'money from nowhere, in the ledger too',
    sql: `with made as (update balances set amount = amount + 5, version = version where user_id = ${payer})
      update balance_ledger set amount = amount + case version when 0 then 5 else 0 end, balance_after = balance_after + 5 where user_id = ${payer}`,
  },
  { code: 'B8', does: 'a loaded top-up is gone', sql: `delete from balance_ledger where kind = 'TOPUP'` },

  {
    code: 'S1',
    does: 'stock falls below zero',
    sql: `alter table stocks drop constraint stocks_available_check; update stocks set available = -1 where product_id = ${product}`,
  },
  {
    code: 'S2',
    does: 'available stock changes without a ledger entry',
    sql: `update stocks set available = available - 1 where product_id = ${product}`,
  },
  {
    code: 'S3',
    does: 'a confirmation is lost between two engines',
    sql: `update stocks set reserved = reserved + 1 where product_id = ${product}`,
  },
  { code: 'S3', does: 'a stock is gone', sql: `delete from stocks where product_id = ${product}` },
  { code: 'S4', does: 'an order line is confirmed twice', sql: copyMovement(lean, 'CONFIRM') },
  {
    code: 'S5',
    does: 'another quantity is confirmed',
    sql: `update stock_ledger set qty = qty + 1 where kind = 'CONFIRM' and ${line(lean)}`,
  },
  {
    code: 'S5',
    does: 'a product that was not ordered is confirmed',
    sql: `delete from order_items where ${line(lean)}`,
  },
  { code: 'S5', does: 'a movement names no order', sql: `update stock_ledger set order_id = null where ${line(lean)}` },
  {
    code: 'S6',
    does: 'stock is confirmed that was not reserved',
    sql: `delete from stock_ledger where kind = 'RESERVE' and ${line(lean)}`,
  },
  { code: 'S6', does: 'confirmed stock is released', sql: copyMovement(lean, 'RELEASE') },
  {
    code: 'S7',
    does: 'a refused order keeps its reservation, stock and ledger agreeing',
    sql: `with kept as (delete from stock_ledger where kind = 'RELEASE' and ${line(order('legacy-lean', 'PAYMENT_FAILED'))} returning product_id, qty)
      update stocks s set available = s.available - k.qty, reserved = s.reserved + k.qty from kept k where s.product_id = k.product_id`,
  },

  {
    code: 'O1',
    does: 'a total that is not the sum of the lines',
    sql: `update order_items set unit_price = unit_price + 1 where order_id = ${lean}`,
  },
  {
    code: 'O1',
    does: 'an order without lines',
    sql: `delete from order_items where order_id = (select min(id) from orders where status = 'PENDING')`,
  },
  {
    code: 'O1',
    does: 'a final amount that is not total less discount',
    sql: `update orders set final_amount = final_amount + 1 where id = ${lean}`,
  },
  { code: 'O1', does: 'a final amount is missing', sql: `update orders set final_amount = null where id = ${lean}` },
  { code: 'O1', does: 'a negative discount', sql: `update orders set discount_amount = -1 where id = ${lean}` },
  {
    code: 'P1',
    does: 'an order is paid twice',
    sql: `alter table payments drop constraint payments_order_id_key;
      insert into payments (order_id, user_id, amount, engine) select order_id, user_id, amount, engine from payments where order_id = ${lean}`,
  },
  {
    code: 'P2',
    does: 'a payment of another amount',
    sql: `update payments set amount = amount + 1 where order_id = ${lean}`,
  },
  {
    code: 'P2',
    does: 'a payment by another user',
    sql: `update payments set user_id = user_id + 1 where order_id = ${lean}`,
  },
  {
    code: 'P2',
    does: 'a payment by another engine',
    sql: `update payments set engine = 'other' where order_id = ${lean}`,
  },
  { code: 'P2', does: 'a payment of no order', sql: `delete from orders where id = ${lean}` },
  { code: 'P3', does: 'a payment without a debit', sql: `delete from balance_ledger where order_id = ${lean}` },
  {
    code: 'P3',
    does: 'a payment with one line unconfirmed',
    sql: `delete from stock_ledger where kind = 'CONFIRM' and ${line(saga)}`,
  },
  { code: 'P4', does: 'PAID without a payment', sql: `delete from payments where order_id = ${lean}` },
  {
    code: 'P4',
    does: 'a payment whose order is not PAID',
    sql: `update orders set status = 'PAYING' where id = ${saga}`,
  },
  {
    code: 'P5',
    does: 'a refused order stays debited',
    sql: `delete from balance_ledger where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'P5',
    does: 'a refused order keeps its stock',
    sql: `delete from stock_ledger where kind = 'RELEASE' and ${line(refusedSaga)}`,
  },
  {
    code: 'P5',
    does: 'a paid order is called refused',
    sql: `update orders set status = 'PAYMENT_FAILED' where id = ${saga}`,
  },
  {
    code: 'P6',
    does: 'one transaction shows a payment without its confirmation',
    sql: `delete from stock_ledger where kind = 'CONFIRM' and order_id = ${lean}`,
  },
  {
    code: 'P6',
    does: 'one transaction shows a payment in work',
    sql: `update orders set status = 'PAYING' where id = ${order('legacy-lean', 'PAYMENT_FAILED')}`,
  },
  { code: 'P7', does: 'a payment vanishes, its debit stays', sql: `delete from payments where order_id = ${saga}` },

  {
    code: 'C1',
    does: 'a used coupon names no order',
    sql: `update user_coupons set used_order_id = null where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C1',
    does: 'a used coupon is handed out again',
    sql: `update user_coupons set status = 'ISSUED' where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C1',
    does: 'a coupon names an order that does not name it',
    sql: `update user_coupons set used_order_id = ${saga} where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C2',
    does: 'one coupon pays for two orders',
    sql: `update orders set user_coupon_id = (select user_coupon_id from orders where id = ${withCoupon}) where id = ${saga}`,
  },
  {
    code: 'C3',
    does: 'a paid order’s coupon is still issued',
    sql: `update user_coupons set status = 'ISSUED', used_order_id = null where used_order_id = ${withCoupon}`,
  },
  {
    code: 'C3',
    does: 'a refused order keeps the coupon',
    sql: `update user_coupons u set status = 'USED', used_order_id = o.id from orders o
      where o.status = 'PAYMENT_FAILED' and o.user_coupon_id is not null and u.id = o.user_coupon_id`,
  },
  {
    code: 'C3',
    does: 'the coupon that was asked for is not the one applied',
    sql: `update payment_route set user_coupon_id = null where order_id = ${withCoupon}`,
  },
  {
    code: 'C4',
    does: 'a coupon is out that was not issued',
    sql: `update coupons set issued = issued - 1 where id = 1`,
  },
  {
    code: 'C4',
    does: 'more coupons than the quota',
    sql: `alter table coupons drop constraint coupons_check; update coupons set quota = 0 where id = 1`,
  },
  {
    code: 'C5',
    does: 'a discount that is not the coupon’s',
    sql: `update orders set discount_amount = discount_amount + 1 where id = ${withCoupon}`,
  },
  {
    code: 'C5',
    does: 'a discount without a coupon',
    sql: `update orders set discount_amount = 1 where id = ${order('legacy-lean', 'PAID', 'user_coupon_id is null')}`,
  },
  {
    code: 'C5',
    does: 'the coupon of a discount does not exist',
    sql: `delete from user_coupons where id = (select user_coupon_id from orders where id = ${withCoupon})`,
  },
  {
    code: 'C6',
    does: 'a coupon of somebody else',
    sql: `update user_coupons set user_id = user_id + 1 where used_order_id = ${withCoupon}`,
  },

  { code: 'G1', does: 'a saga engine’s order without saga', sql: `delete from saga_state where order_id = ${saga}` },
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
    does: 'a saga is given up in the middle',
    sql: `update saga_state set status = 'FAILED' where order_id = ${refusedSaga}; update orders set status = 'PAYING' where id = ${refusedSaga}`,
  },
  { code: 'G6', does: 'a saga is left open', sql: `update saga_state set status = 'RUNNING' where order_id = ${saga}` },

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
