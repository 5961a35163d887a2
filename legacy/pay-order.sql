create or replace function microseconds(span interval) returns bigint language sql immutable parallel safe as $$
  select (extract(epoch from span) * 1000000)::bigint
$$;

-- The processing time of a scenario, step by step; spent at once, where the locks are held.
create or replace function spend(added_ms double precision[]) returns void language plpgsql as $$
declare ms double precision := 0; step double precision;
begin
  foreach step in array added_ms loop ms := ms + step; end loop;
  if ms > 0 then perform pg_sleep(ms / 1000); end if;
end $$;

-- A refusal costs the processing time of the steps up to the one that refused, as in every other engine.
create or replace function refuse_payment(code text, added_ms double precision[]) returns void language plpgsql as $$
begin
  perform spend(added_ms);
  raise exception using message = code, errcode = 'SR001';
end $$;

-- legacy-lean: the whole payment in one call and one transaction, with the same rows as the five steps. It is the only
-- second copy of the rules, because the set-based steps cost a single payment twice as much; a differential test holds
-- the two together. A refusal raises SQLSTATE SR001 with its code as message, which rolls everything back.
-- added_ms: processing time of each of the five steps.
--
-- Order of locks, as everywhere: order, coupon, balance, stocks by id. The *_us columns say how long a lock was waited for and
-- when, counted from the start of the call, it was held; the caller knows when the COMMIT came back.
create or replace function pay_order(
  order_id bigint, user_id bigint, coupon_id bigint, side text, reason text, bucket int, version bigint, engine text, added_ms double precision[]
) returns table (
  verdict text, route_side text, route_reason text, route_bucket int, route_version bigint, worked_by text, refusal text, payment_id bigint, amount bigint,
  saga_id bigint, replayed boolean, order_locked_at_us bigint, coupon_locked_at_us bigint,
  balance_wait_us bigint, balance_locked_at_us bigint, stock_wait_us bigint, stock_locked_at_us bigint
) language plpgsql as $$
#variable_conflict use_variable
declare
  o record; c record; b record; item record; route record; due bigint; cut bigint := 0; paid bigint; total bigint;
  began timestamptz := clock_timestamp(); order_locked timestamptz; coupon_locked timestamptz;
  balance_asked timestamptz; balance_locked timestamptz; stock_asked timestamptz; stock_locked timestamptz;
begin
  select * into route from claim_routes(array[order_id], array[user_id], array[coupon_id], array[side], array[reason], array[bucket], array[version]);
  if route.verdict <> 'CLAIMED' then
    return query select route.verdict, route.side, route.reason, route.bucket, route.config_version, route.engine, route.refusal,
      route.payment_id, route.amount, route.saga_id, true, null::bigint, null::bigint, null::bigint, null::bigint, null::bigint, null::bigint;
    return;
  end if;

  select x.* into o from orders x where x.id = order_id for update;
  order_locked := clock_timestamp();
  if o.status <> 'PENDING' then perform refuse_payment('ORDER_NOT_PAYABLE', added_ms[1:1]); end if;
  select coalesce(sum(i.qty * i.unit_price), 0) into total from order_items i where i.order_id = order_id;
  if total <> o.total_amount or total <= 0 then perform refuse_payment('VALIDATION_FAILED', added_ms[1:1]); end if;
  due := o.total_amount;
  if coupon_id is not null then
    select u.status, d.discount into c from user_coupons u join coupons d on d.id = u.coupon_id
    where u.id = coupon_id and u.user_id = user_id for update of u;
    coupon_locked := clock_timestamp();
    if c.status is distinct from 'ISSUED' then perform refuse_payment('COUPON_UNUSABLE', added_ms[1:2]); end if;
    cut := least(c.discount, due);
    due := due - cut;
    update user_coupons u set status = 'USED', used_order_id = order_id where u.id = coupon_id;
  end if;

  balance_asked := clock_timestamp();
  select x.* into b from balances x where x.user_id = user_id for update;
  balance_locked := clock_timestamp();
  if b.amount is null or b.amount < due then perform refuse_payment('BALANCE_INSUFFICIENT', added_ms[1:3]); end if;
  update balances x set amount = x.amount - due, version = x.version + 1 where x.user_id = user_id;
  insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
  values (user_id, order_id, 'DEBIT', -due, b.amount - due, b.version + 1);

  stock_asked := clock_timestamp();
  perform s.product_id from stocks s where s.product_id = any(array(select i.product_id from order_items i where i.order_id = order_id))
  order by s.product_id for update;
  stock_locked := clock_timestamp();
  for item in select i.product_id, i.qty, (
      select coalesce(sum(case l.kind when 'RESERVE' then l.qty when 'UNCONFIRM' then l.qty else -l.qty end), 0)
      from stock_ledger l where l.order_id = order_id and l.product_id = i.product_id) as live
    from order_items i where i.order_id = order_id order by i.product_id loop
    if item.live < item.qty then perform refuse_payment('STOCK_INSUFFICIENT', added_ms[1:4]); end if;
    update stocks s set reserved = s.reserved - item.qty where s.product_id = item.product_id;
    insert into stock_ledger (product_id, order_id, kind, qty) values (item.product_id, order_id, 'CONFIRM', item.qty);
  end loop;

  if not exists (select from users u where u.id = user_id and not u.payment_blocked) then perform refuse_payment('PAYMENT_FAILED', added_ms[1:5]); end if;
  insert into payments (order_id, user_id, amount, engine) values (order_id, user_id, due, engine) returning id into paid;
  update orders x set status = 'PAID', engine = pay_order.engine, user_coupon_id = coupon_id, discount_amount = cut, final_amount = due,
    xid = pg_current_xact_id() where x.id = order_id;
  insert into external_event_log (order_id, event_type, target_system, event_data)
  select order_id, r.event_type, r.target_system,
    outside_event_of_payment(r.event_type, paid, order_id, user_id, due, i.product_id, i.qty, i.unit_price)
  from delivery_route r left join order_items i on r.event_type = 'product.purchased' and i.order_id = order_id
  where r.event_type in ('payment.completed', 'order.completed', 'product.purchased', 'user.activity');
  perform spend(added_ms);
  return query select 'PAID', route.side, route.reason, route.bucket, route.config_version, engine, null::text, paid, due, null::bigint, false,
    microseconds(order_locked - began), microseconds(coupon_locked - began), microseconds(balance_locked - balance_asked),
    microseconds(balance_locked - began), microseconds(stock_locked - stock_asked), microseconds(stock_locked - began);
end $$;

-- The short transaction after a rolled back payment: the order gets the status that says why and its stock goes back.
create or replace function refuse_order(
  order_id bigint, user_id bigint, coupon_id bigint, side text, reason text, bucket int, version bigint, engine text, code text
) returns table (
  verdict text, route_side text, route_reason text, route_bucket int, route_version bigint, worked_by text, refusal text, payment_id bigint, amount bigint,
  saga_id bigint, replayed boolean
) language plpgsql as $$
#variable_conflict use_variable
declare route record; cut bigint := 0; asked bigint[];
begin
  select * into route from claim_routes(array[order_id], array[user_id], array[coupon_id], array[side], array[reason], array[bucket], array[version]);
  if route.verdict <> 'CLAIMED' then
    return query select route.verdict, route.side, route.reason, route.bucket, route.config_version, route.engine, route.refusal,
      route.payment_id, route.amount, route.saga_id, true;
    return;
  end if;
  perform x.id from orders x where x.id = order_id for update;
  if coupon_id is not null and refusal_status(code) <> 'VALIDATION_FAILED' then
    select least(d.discount, x.total_amount) into cut from user_coupons u join coupons d on d.id = u.coupon_id, orders x where u.id = coupon_id and x.id = order_id;
  end if;
  asked := array(select i.product_id from order_items i where i.order_id = order_id order by i.product_id);
  perform undo_confirm_stock(array[row(null, null, order_id, user_id, coupon_id, 0, 0, asked, null, null, code)::payment_facts], '{}');
  update orders x set status = refusal_status(code), refusal_code = code, engine = refuse_order.engine,
    user_coupon_id = case when cut > 0 then coupon_id end, discount_amount = cut, final_amount = x.total_amount - cut, xid = pg_current_xact_id()
  where x.id = order_id;
  return query select 'REFUSED', route.side, route.reason, route.bucket, route.config_version, engine, code, null::bigint, null::bigint,
    null::bigint, false;
end $$;
