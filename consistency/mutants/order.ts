import type { Mutant } from './mutant.ts';
import { lean, line, order, refusedSaga, saga } from './targets.ts';

export const orderMutants: readonly Mutant[] = [
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
    does: 'an order is paid twice, the constraint being there',
    sql: `insert into payments (order_id, user_id, amount, engine) select order_id, user_id, amount, engine from payments where order_id = ${lean}`,
  },
  {
    code: 'P1',
    does: 'an order is paid twice, the constraint being gone',
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
    does: 'a refund never happened, balance and ledger agreeing',
    sql: `with gone as (delete from balance_ledger where id = (select min(l.id) from balance_ledger l
        join balances b on b.user_id = l.user_id and b.version = l.version where l.kind = 'REFUND') returning user_id, amount)
      update balances b set amount = b.amount - g.amount, version = b.version - 1 from gone g where b.user_id = g.user_id`,
  },
  {
    code: 'P5',
    does: 'confirmed stock never came back, stock and ledger agreeing',
    sql: `with gone as (delete from stock_ledger where kind in ('UNCONFIRM', 'RELEASE') and ${line(order('orchestration', 'PAYMENT_FAILED'))} returning product_id, qty, kind)
      update stocks s set available = s.available - g.qty from gone g where g.kind = 'RELEASE' and s.product_id = g.product_id`,
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
    code: 'P8',
    does: 'a paid order names no engine',
    sql: `update orders set engine = null where id = ${lean}`,
  },
  {
    code: 'P8',
    does: 'an engine is named on an order that is still PENDING',
    sql: `update orders set engine = 'legacy-lean' where id = (select min(id) from orders where status = 'PENDING')`,
  },
];
