import { changeRollout } from '../../router/canary/change-rollout.ts';
import type { Manifest } from '../../consistency/manifest.ts';
import type { Tx } from '../../domain/ports.ts';
import { openPool } from '../../runtime/database.ts';

/** The orders that were worked on have the ids 1..orders; behind them come a few that nobody has paid yet. */
export interface PaidOrders {
  readonly users: number;
  readonly products: number;
  readonly orders: number;
  readonly pending: number;
}

/**
 * Fills a fresh database with orders that all four engines have paid and refused under a canary of 50 %, drained: every invariant
 * holds. The rows are written in sets, not by the engines: 10,000 orders in a second, 1,000,000 in two minutes. The orders are
 * spread over the last thirty days.
 */
export async function paidOrders(url: string, count: number): Promise<PaidOrders> {
  const users = Math.min(50_000, Math.max(200, Math.ceil(count / 20)));
  const products = Math.min(1_000, Math.max(50, Math.ceil(count / 100)));
  const pending = Math.max(2, Math.ceil(count / 50));
  const pool = openPool({ url, size: 1, applicationName: 'paid-orders' });
  try {
    const canary = { actor: 'test', action: 'set', reason: 'half of the users' };
    await changeRollout(pool, { percentage: 50 }, canary);
    await pool.transaction(async (tx) => {
      await tx.query(`set local work_mem = '256MB'; set local synchronous_commit = off; set local jit = off`);
      await planOrders(tx, { users, products, orders: count, pending });
      for (const fill of [people, goods, orders, money, stock, payments, sagas]) await tx.query(fill);
      await tx.query('update sagashift_database set dataset = $1', [JSON.stringify(await manifest(tx, users))]);
    });
    await pool.query('vacuum (analyze)');
    return { users, products, orders: count, pending };
  } finally {
    await pool.close();
  }
}

const opening = 100_000_000;
const topUp = 5_000;
const restock = 10_000_000;

/**
 * One row per order, from which everything else follows. `refused_at` is the boundary, 1..4, whose rule said no.
 * The first orders take each outcome in turn, so that few are enough to have them all.
 */
async function planOrders(tx: Tx, { users, products, orders: count, pending }: PaidOrders): Promise<void> {
  await tx.query(`
    create temp table planned_user on commit drop as
    select id, id % 10 = 9 as is_vip from generate_series(1, ${users}) id;
    create temp table planned_product on commit drop as
    select id, 500 + (id * 37) % 5000 as price from generate_series(1, ${products}) id;
    create temp table planned_line on commit drop as
    select n as order_id, 1 + (n * 7 + k * 17) % ${products} as product_id, 1 + (n + k) % 3 as qty
    from generate_series(1, ${count + pending}) n, generate_series(0, 2) k where k <= abs(hashint8(n)) % 3;
    create temp table planned on commit drop as
    select d.*, case side when 'legacy' then (array['legacy', 'legacy-lean'])[1 + d.turn % 2] when 'saga' then (array['orchestration', 'choreography'])[1 + d.turn % 2] end as engine,
      case when d.coupon_id is not null then 500 + 100 * (d.coupon_id % 10) else 0 end as asked_discount,
      now() - interval '1 minute' - interval '30 days' * (${count + pending} - d.n) / ${count + pending} as at,
      (array['VALIDATION_FAILED', 'BALANCE_INSUFFICIENT', 'STOCK_INSUFFICIENT', 'PAYMENT_FAILED'])[refused_at] as refusal
    from (
      select q.*, q.user_id % 100 as bucket,
        case when q.is_pending then null when u.is_vip then 'legacy' when q.user_id % 100 < 50 then 'saga' else 'legacy' end as side,
        case when u.is_vip then 'vip' when q.user_id % 100 < 50 then 'bucket' else 'default' end as reason,
        case when q.draw % 5 < 2 and q.refused_at is distinct from 1 and not q.is_pending then q.n end as coupon_id
      from (
        select n, 1 + (n * 13 + n / ${users}) % ${users} as user_id, n > ${count} as is_pending, abs(hashint8(n * 7 + 1)) as draw,
          (abs(hashint8(n * 11 + 5)) / 7) as turn,
          case when n <= ${count} and abs(hashint8(n * 3)) % 25 < 4 then 1 + abs(hashint8(n * 3)) % 25 end as refused_at
        from generate_series(1, ${count + pending}) n) q
      join planned_user u on u.id = q.user_id) d
    order by d.n;
    analyze planned, planned_line, planned_product, planned_user;
    create temp table priced on commit drop as
    select p.*, i.total, least(p.asked_discount, i.total) as discount,
      i.total - least(p.asked_discount, i.total) as due, i.products, i.qtys
    from planned p
    join (select l.order_id, sum(l.qty * g.price) as total, jsonb_agg(l.product_id order by l.product_id) as products, jsonb_agg(l.qty order by l.product_id) as qtys
      from planned_line l join planned_product g on g.id = l.product_id group by l.order_id) i on i.order_id = p.n
    order by p.n;
    analyze priced`);
}

const people = `
  insert into users (id, tier) select id, case when is_vip then 'VIP' else 'NORMAL' end from planned_user;
  insert into coupons (id, discount, quota, issued)
  select 1 + k, 500 + 100 * k, 2000000, count(p.n) + 1 from generate_series(0, 9) k left join planned p on p.coupon_id % 10 = k group by k;
  insert into user_coupons (id, coupon_id, user_id, status, used_order_id)
  select coupon_id, 1 + coupon_id % 10, user_id, case when refused_at is null then 'USED' else 'ISSUED' end, case when refused_at is null then n end
  from planned where coupon_id is not null order by n;
  insert into user_coupons (id, coupon_id, user_id) select (select max(n) from planned) + 1 + k, 1 + k, 1 from generate_series(0, 9) k;
  select setval(pg_get_serial_sequence('users', 'id'), (select max(id) from users)),
    setval(pg_get_serial_sequence('coupons', 'id'), (select max(id) from coupons)),
    setval(pg_get_serial_sequence('user_coupons', 'id'), (select max(id) from user_coupons))`;

const goods = `
  insert into products (id, price) select id, price from planned_product;
  select setval(pg_get_serial_sequence('products', 'id'), (select max(id) from products))`;

/** Where totals do not add up the order was refused for that. */
const orders = `
  insert into orders (id, user_id, status, engine, total_amount, discount_amount, final_amount, user_coupon_id, refusal_code, created_at)
  select n, user_id, case when is_pending then 'PENDING' when refused_at is null then 'PAID' else refusal end, engine,
    total + wrong, discount, case when not is_pending then total + wrong - discount end, coupon_id, refusal, at
  from (select *, case when refused_at = 1 then 1 else 0 end as wrong from priced) p order by n;
  insert into order_items (order_id, product_id, qty, unit_price)
  select l.order_id, l.product_id, l.qty, g.price from planned_line l join planned_product g on g.id = l.product_id order by l.order_id, l.product_id;
  insert into payment_route (order_id, user_id, side, reason, bucket, config_version, user_coupon_id, decided_at)
  select n, user_id, side, reason, bucket, 2, coupon_id, at from planned where not is_pending order by n;
  select setval(pg_get_serial_sequence('orders', 'id'), (select max(id) from orders))`;

/** A saga that was refused behind its debit gave the money back; one transaction was rolled back and left none. */
const money = `
  insert into balance_ledger (user_id, kind, amount, balance_after, version, created_at)
  select id, 'OPENING', ${opening}, ${opening}, 0, now() - interval '40 days' from planned_user order by id;
  insert into balance_ledger (user_id, kind, amount, balance_after, version, created_at)
  select id, 'TOPUP', ${topUp}, ${opening + topUp}, 1, now() - interval '40 days' from planned_user order by id;
  insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version, created_at)
  select user_id, n, kind, amount, ${opening + topUp} + sum(amount) over w, 1 + row_number() over w, at
  from (
    select user_id, n, 0 as turn, 'DEBIT' as kind, -due as amount, at from priced
    where not is_pending and (refused_at is null or (side = 'saga' and refused_at > 2))
    union all
    select user_id, n, 1, 'REFUND', due, at from priced where side = 'saga' and refused_at > 2) m
  window w as (partition by user_id order by n, turn) order by n, turn;
  insert into balances (user_id, amount, version)
  select user_id, sum(amount), max(version) from balance_ledger group by user_id order by user_id`;

const stock = `
  insert into stock_ledger (product_id, kind, qty, created_at)
  select id, 'RESTOCK', ${restock}, now() - interval '40 days' from planned_product order by id;
  insert into stock_ledger (product_id, order_id, kind, qty, created_at)
  select l.product_id, p.n, m.kind, l.qty, p.at
  from planned p join planned_line l on l.order_id = p.n
  cross join lateral (values
    (0, 'RESERVE', true),
    (1, 'CONFIRM', not p.is_pending and (p.refused_at is null or (p.side = 'saga' and p.refused_at = 4))),
    (2, 'UNCONFIRM', p.side = 'saga' and p.refused_at = 4),
    (3, 'RELEASE', p.refused_at is not null)) m (turn, kind, holds)
  where m.holds order by p.n, m.turn, l.product_id;
  insert into stocks (product_id, available, reserved)
  select product_id, sum(case kind when 'RESTOCK' then qty when 'RESERVE' then -qty when 'RELEASE' then qty else 0 end),
    sum(case kind when 'RESTOCK' then 0 when 'RESERVE' then qty when 'UNCONFIRM' then qty else -qty end)
  from stock_ledger group by product_id order by product_id`;

const payments = `
  insert into payments (id, order_id, user_id, amount, engine, created_at) overriding system value
  select n, n, user_id, due, engine, at from priced where not is_pending and refused_at is null order by n;
  select setval(pg_get_serial_sequence('payments', 'id'), (select max(id) from payments));
  insert into external_event_log (order_id, event_type, target_system, event_data, status, created_at, last_attempt_at)
  select n, 'payment.completed', 'data-platform', outside_event_of_payment('payment.completed', n, n, user_id, due, null, null, null), 'SENT', at, at
  from priced where not is_pending and refused_at is null and engine <> 'legacy' order by n`;

/** Receipts and events of the four boundaries: done up to the one that refused, then undone from the last to the first. */
const sagas = `
  create temp table boundary on commit drop as
  select * from (values
    (1, 'validateOrder', 'order.validated', 'order.rejected', 'payment.failed'),
    (2, 'deductBalance', 'balance.deducted', 'balance.rejected', 'balance.refunded'),
    (3, 'confirmStock', 'stock.confirmed', 'stock.rejected', 'stock.released'),
    (4, 'createPayment', 'payment.completed', 'payment.rejected', 'payment.voided')) b (no, name, passed, refused, undone);
  insert into saga_state (saga_id, saga_type, order_id, status, current_step, owner, event_count, failure_code, compensation_data, deadline_at, created_at, updated_at)
  select n, engine, n, case when refused_at is null then 'COMPLETED' else 'COMPENSATED' end, case when refused_at is null then 'createPayment' else 'validateOrder' end,
    'w1', case when refused_at is null then 4 else refused_at + 4 end, refusal,
    jsonb_build_object('userId', user_id, 'couponId', coupon_id, 'due', case when refused_at is distinct from 1 then due end, 'discount', discount, 'products', products, 'qtys', qtys),
    at + interval '30 s', at, at
  from priced where side = 'saga' order by n;
  select setval(pg_get_serial_sequence('saga_state', 'saga_id'), (select max(saga_id) from saga_state));
  insert into saga_step_execution (saga_id, step_name, step_no, op, status, output_data, error_message, executed_at)
  select p.n, b.name, b.no, 'EXECUTE', case when b.no >= p.refused_at then 'FAILED' else 'SUCCESS' end,
    case when b.no >= p.refused_at then null when b.no = 1 then jsonb_build_object('due', p.due, 'discount', p.discount)
      when b.no = 4 then jsonb_build_object('paymentId', p.n) end,
    case when b.no = p.refused_at then p.refusal when b.no > p.refused_at then 'voided' end, p.at
  from priced p cross join boundary b where p.side = 'saga' order by p.n, b.no;
  insert into saga_step_execution (saga_id, step_name, step_no, op, status, executed_at)
  select p.n, b.name, b.no, 'COMPENSATE', case when b.no < p.refused_at then 'COMPENSATED' else 'SUCCESS' end, p.at
  from priced p cross join boundary b where p.side = 'saga' and p.refused_at is not null order by p.n, b.no desc;
  insert into event_store (aggregate_id, sequence_number, event_type, event_data, occurred_at)
  select 'order-' || p.n, b.no, case when b.no = p.refused_at then b.refused else b.passed end,
    case when b.no = p.refused_at then jsonb_build_object('code', p.refusal)
      when b.no = 1 then jsonb_build_object('userId', p.user_id, 'couponId', p.coupon_id, 'due', p.due, 'discount', p.discount)
      when b.no = 4 then jsonb_build_object('paymentId', p.n, 'amount', p.due) end, p.at
  from priced p join boundary b on b.no <= coalesce(p.refused_at, 4) where p.side = 'saga' order by p.n, b.no;
  insert into event_store (aggregate_id, sequence_number, event_type, event_data, occurred_at)
  select 'order-' || p.n, p.refused_at + 5 - b.no, b.undone, case when b.no = 1 then jsonb_build_object('code', p.refusal) end, p.at
  from priced p cross join boundary b where p.side = 'saga' and p.refused_at is not null order by p.n, b.no desc`;

/** Loaded data says what money it began with: the opening balances and one top-up each. */
async function manifest(tx: Tx, users: number): Promise<Manifest> {
  const expected = await tx.query<{ status: string; orders: number }>(
    'select status, count(*) as orders from orders where engine is not null group by status',
  );
  return {
    options: {},
    counts: { balance_ledger: 2 * users },
    expected: Object.fromEntries(expected.map(({ status, orders: n }) => [status, n])),
    sums: { openingTotal: users * opening, topUps: users * topUp },
    checksum: '',
  };
}
