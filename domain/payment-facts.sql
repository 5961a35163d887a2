-- What is known about one payment while it is being worked on. A step takes many and gives them back, with `code`
-- set where a rule said no. `code` BUSY: a row it needs is locked by somebody else; nothing was written.
-- Array order is arrival order: it decides who still fits.
do $$
begin
  create type payment_facts as (
    saga_id bigint, epoch int, order_id bigint, user_id bigint, coupon_id bigint,
    due bigint, discount bigint, products bigint[], qtys bigint[], payment_id bigint, code text
  );
exception when duplicate_object then null;
end $$;

-- The status an order is left with when a payment ends with this refusal.
create or replace function refusal_status(code text) returns text language sql immutable parallel safe as $$
  select case when code in ('BALANCE_INSUFFICIENT', 'STOCK_INSUFFICIENT', 'PAYMENT_FAILED') then code else 'VALIDATION_FAILED' end
$$;

-- Sets BUSY where the wanted row exists but could not be locked. Called only when some row was missing.
create or replace function mark_busy(p payment_facts[], busy_orders bigint[]) returns payment_facts[] language sql as $$
  select coalesce(array_agg(row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due, f.discount, f.products, f.qtys, f.payment_id,
    case when f.order_id = any(busy_orders) then 'BUSY' else f.code end)::payment_facts order by f.n), '{}')
  from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
$$;

-- Sets a refusal where none stands yet.
create or replace function mark_refused(p payment_facts[], refused_orders bigint[], reason text) returns payment_facts[] language sql as $$
  select coalesce(array_agg(row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due, f.discount, f.products, f.qtys, f.payment_id,
    coalesce(f.code, case when f.order_id = any(refused_orders) then reason end))::payment_facts order by f.n), '{}')
  from unnest(p) with ordinality f (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
$$;
