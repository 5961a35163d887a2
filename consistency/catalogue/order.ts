import { engineNames, refusedStatuses } from './engine-names.ts';
import type { Invariant, Subject } from './invariant.ts';

/** An order with all that happened because of it, except its saga. */
export const order: Subject = {
  name: 'order',
  key: 'order',
  tables: [
    'orders',
    'order_items',
    'balance_ledger',
    'payments',
    'stock_ledger',
    'user_coupons',
    'coupons',
    'payment_route',
    'saga_state',
  ],
  sql: (within) => `
    select o.id, o.id as order_id, o.user_id, o.status, o.engine, o.refusal_code, o.total_amount, o.discount_amount, o.final_amount, o.user_coupon_id,
      i.total as items_total, i.qty as items_qty,
      coalesce(m.debits, 0) as debits, coalesce(m.net, 0) as net,
      coalesce(p.payments, 0) as payments, coalesce(p.paid, 0) as paid,
      coalesce(s.confirmed, 0) as confirmed, coalesce(s.held, 0) as held,
      u.id as coupon_id, u.user_id as coupon_owner, u.status as coupon_status, u.used_order_id as coupon_used_by, c.discount as coupon_discount,
      r.order_id is not null as is_routed, r.side, r.user_coupon_id as asked_coupon_id,
      g.saga_type
    from orders o
    left join (select order_id, sum(qty * unit_price) as total, sum(qty) as qty from order_items where ${within('order_id')} group by order_id) i on i.order_id = o.id
    left join (
      select order_id, count(*) filter (where kind = 'DEBIT') as debits, sum(amount) as net
      from balance_ledger where kind in ('DEBIT', 'REFUND') and ${within('order_id')} group by order_id) m on m.order_id = o.id
    left join (select order_id, count(*) as payments, sum(amount) as paid from payments where status = 'COMPLETED' and ${within('order_id')} group by order_id) p on p.order_id = o.id
    left join (
      select order_id, sum(case kind when 'CONFIRM' then qty when 'UNCONFIRM' then -qty else 0 end) as confirmed,
        sum(case when kind in ('RESERVE', 'UNCONFIRM') then qty else -qty end) as held
      from stock_ledger where order_id is not null and ${within('order_id')} group by order_id) s on s.order_id = o.id
    left join user_coupons u on u.id = o.user_coupon_id
    left join coupons c on c.id = u.coupon_id
    left join payment_route r on r.order_id = o.id
    left join saga_state g on g.order_id = o.id
    where ${within('o.id')}`,
};

const payment: Subject = {
  name: 'payment',
  key: 'order',
  tables: ['payments', 'orders'],
  sql: (within) => `
    select p.id, p.order_id, p.amount, p.user_id, p.engine, o.final_amount, o.user_id as owner, o.engine as order_engine
    from payments p left join orders o on o.id = p.order_id
    where ${within('p.order_id')}`,
};

const isRefused = `status in ${refusedStatuses}`;

export const orderInvariants: readonly Invariant[] = [
  {
    code: 'O1',
    class: 'I',
    severity: 'money',
    sentence:
      'An order’s total is the sum of its lines, its final amount the total less the discount, and neither is below zero.',
    remedy:
      'The order was changed after it was placed. Totals that do not add up are refused with VALIDATION_FAILED and then no longer counted.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      {
        subject: order,
        // A total that does not add up is what VALIDATION_FAILED says: then it is found and not hidden.
        applies: `status <> 'PAYING' and refusal_code is distinct from 'VALIDATION_FAILED'`,
        wrong: 'total_amount is distinct from items_total',
      },
      { subject: order, wrong: 'discount_amount < 0 or discount_amount > total_amount' },
      {
        subject: order,
        applies: `status <> 'PENDING'`,
        wrong: 'final_amount is distinct from total_amount - discount_amount',
      },
    ],
  },
  {
    code: 'P1',
    class: 'I',
    severity: 'money',
    sentence: 'An order has at most one completed payment.',
    remedy: 'The unique key is missing.',
    binds: 'all',
    examines: 'worked on',
    checks: [{ subject: order, wrong: 'payments > 1' }],
  },
  {
    code: 'P2',
    class: 'I',
    severity: 'money',
    sentence: 'A payment has the order’s final amount, user and engine.',
    remedy: 'Two engines worked on one order: see its `payment_route`.',
    binds: 'all',
    examines: 'paid',
    checks: [
      {
        subject: payment,
        wrong:
          'amount is distinct from final_amount or user_id is distinct from owner or engine is distinct from order_engine',
      },
    ],
  },
  {
    code: 'P3',
    class: 'I',
    severity: 'money',
    sentence: 'What is paid was debited and its stock confirmed, every line of it.',
    remedy: 'The pivot ran before its time, or an undo after it. Look at the saga’s receipts.',
    binds: 'all',
    examines: 'paid',
    checks: [
      {
        subject: order,
        applies: 'payments > 0',
        wrong: 'debits = 0 or net is distinct from -final_amount or confirmed is distinct from items_qty',
      },
    ],
  },
  {
    code: 'P4',
    class: 'I',
    severity: 'money',
    sentence: 'An order is PAID exactly when it has a completed payment.',
    remedy: 'Status and payment must change in one transaction.',
    binds: 'all',
    examines: 'worked on',
    checks: [{ subject: order, wrong: `(status = 'PAID') is distinct from (payments > 0)` }],
  },
  {
    code: 'P5',
    class: 'T',
    severity: 'money',
    sentence: 'A refused order left nothing behind: no net debit, no payment, no stock reserved or confirmed.',
    remedy:
      'A compensation is missing or was done in part; refund or release by hand with a ledger entry, then see G4.',
    binds: 'all',
    examines: 'refused',
    checks: [{ subject: order, applies: isRefused, wrong: 'net <> 0 or payments > 0 or confirmed <> 0 or held <> 0' }],
  },
  {
    code: 'P6',
    class: 'I',
    severity: 'process',
    sentence:
      'An engine of one transaction shows debit, confirmation and payment all or not at all, in every snapshot.',
    remedy: 'It commits more than once. A saga cannot promise this, and is not asked.',
    binds: 'one transaction',
    examines: 'worked on',
    checks: [
      {
        subject: order,
        applies: `engine in ${engineNames.oneTransaction}`,
        wrong: `(debits > 0)::int + (confirmed > 0)::int + (payments > 0)::int not in (0, 3)
          or status not in ('PAID', 'VALIDATION_FAILED', 'BALANCE_INSUFFICIENT', 'STOCK_INSUFFICIENT', 'PAYMENT_FAILED')`,
      },
    ],
  },
  {
    code: 'P7',
    class: 'Q',
    severity: 'money',
    sentence: 'When drained, what an order’s user was debited, net, is what was paid: no money is in flight.',
    remedy:
      'Not drained yet, or money is stuck: list the order’s saga. While payments are in work the difference is the money in flight.',
    binds: 'all',
    examines: 'worked on',
    checks: [{ subject: order, wrong: 'net is distinct from -paid' }],
  },
  {
    code: 'P8',
    class: 'I',
    severity: 'process',
    sentence: 'An order names the engine that worked on it from the moment it is no longer PENDING.',
    remedy:
      'Which invariants bind it cannot be said. Look for its route, its saga and its payment, and for who else writes to `orders`.',
    binds: 'all',
    examines: 'worked on',
    checks: [{ subject: order, wrong: `(engine is null) is distinct from (status = 'PENDING')` }],
  },
];
