/**
 * The rows before the first payment, of planned orders and of users, as two JSON documents. Ids are given by the plan.
 * A rich user's balance was topped up once; each product was restocked once.
 */
export const worldSql = `
  with planned as materialized (
    select * from jsonb_to_recordset($1) o ("orderId" bigint, "userId" bigint, "couponId" bigint, "totalAmount" bigint, "reservationLapsed" boolean, lines jsonb)
  ), lines as materialized (
    select p."orderId" as order_id, p."reservationLapsed" as lapsed, l.* from planned p
    cross join lateral jsonb_to_recordset(p.lines) l ("productId" bigint, qty bigint, "unitPrice" bigint)
  ), people as materialized (
    select * from jsonb_to_recordset($2) u (id bigint, blocked boolean, opening bigint, "topUp" bigint)
  ), issued as materialized (
    select "couponId" as id, 1 + "couponId" % 2 as coupon_id, min("userId") as user_id from planned where "couponId" is not null group by 1
  ), a as (
    insert into users (id, payment_blocked) overriding system value select id, blocked from people
  ), b as (
    insert into balance_ledger (user_id, kind, amount, balance_after, version)
    select id, 'OPENING', opening, opening, 0 from people union all select id, 'TOPUP', "topUp", opening + "topUp", 1 from people where "topUp" > 0
  ), c as (
    insert into balances (user_id, amount, version) select id, opening + "topUp", ("topUp" > 0)::int from people
  ), d as (
    insert into products (id, price) select distinct "productId", "unitPrice" from lines
  ), e as (
    insert into stocks (product_id, available, reserved)
    select "productId", 1000 - coalesce(sum(qty) filter (where not lapsed), 0), coalesce(sum(qty) filter (where not lapsed), 0) from lines group by 1
  ), f as (
    insert into stock_ledger (product_id, order_id, kind, qty)
    select distinct "productId", null::bigint, 'RESTOCK', 1000 from lines
    union all select "productId", order_id, 'RESERVE', qty from lines
    union all select "productId", order_id, 'RELEASE', qty from lines where lapsed
  ), g as (
    insert into coupons (id, discount, quota, issued) overriding system value
    select coupon_id, 500 * coupon_id, 1000, count(*) from issued group by 1
  ), h as (
    insert into user_coupons (id, coupon_id, user_id) overriding system value select id, coupon_id, user_id from issued
  ), i as (
    insert into orders (id, user_id, total_amount) overriding system value select "orderId", "userId", "totalAmount" from planned
  )
  insert into order_items (order_id, product_id, qty, unit_price) select order_id, "productId", qty, "unitPrice" from lines`;

/** So that whoever comes next takes an id behind those that were given. And routes for every kind of event of a payment. */
export const afterSql = `
  select setval(pg_get_serial_sequence('orders', 'id'), max(id)) from orders;
  select setval(pg_get_serial_sequence('users', 'id'), max(id)) from users;
  select setval(pg_get_serial_sequence('user_coupons', 'id'), max(id)) from user_coupons;
  insert into delivery_route (event_type, target_system, since) values ('order.completed', 'order-analytics', '-infinity'),
    ('product.purchased', 'recommendation', '-infinity'), ('user.activity', 'customer-behaviour', '-infinity')`;

/**
 * What engines and time leave behind: the monolith calls the outside by itself and logs nothing, what was paid before there
 * were routes has none, the relay has sent the rest, receipts of old sagas were pruned, a person gave one up and closed its books.
 */
export const laterSql = `
  delete from external_event_log d using orders o where o.id = d.order_id and o.engine in ('history', 'legacy');
  delete from payment_route r using orders o where o.id = r.order_id and o.engine = 'history';
  update external_event_log set status = 'SENT', last_attempt_at = now();
  with old as (
    update saga_state set pruned_at = now() where saga_id in (
      select max(saga_id) from saga_state where status in ('COMPLETED', 'COMPENSATED') group by saga_type, status)
    returning saga_id
  ) delete from saga_step_execution e using old where e.saga_id = old.saga_id;
  update saga_state set status = 'FAILED' where saga_id in (
    select saga_id from saga_state where status = 'COMPENSATED' and pruned_at is null order by saga_id desc limit 1)`;
