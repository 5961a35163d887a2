import type { Mutant } from './mutant.ts';
import { copyMovement, lean, line, order, product } from './targets.ts';

export const stockMutants: readonly Mutant[] = [
  {
    code: 'S1',
    does: 'stock falls below zero, the constraint being there',
    sql: `update stocks set reserved = -1 where product_id = ${product}`,
  },
  {
    code: 'S1',
    does: 'stock falls below zero, the constraint being gone',
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
];
