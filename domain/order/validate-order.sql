create or replace function lock_validate_order(p payment_facts[], wait boolean) returns payment_facts[] language plpgsql as $$
declare wanted bigint[] := array(select order_id from unnest(p) where code is null); held bigint[];
begin
  if wait then
    held := array(select o.id from orders o where o.id = any(wanted) order by o.id for update);
  else
    held := array(select o.id from orders o where o.id = any(wanted) order by o.id for update skip locked);
  end if;
  if wanted <@ held then return p; end if;
  return mark_busy(p, array(select o.id from orders o where o.id = any(wanted) and not o.id = any(held)));
end $$;

-- PENDING -> PAYING, the semantic lock: from here a second payment of the order is turned away until this one is final.
-- Refuses totals that do not add up (VALIDATION_FAILED); the order is PAYING even then, so that the undo has one way back.
create or replace function validate_order(p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
declare started bigint[]; wanted bigint[] := array(select order_id from unnest(p) where code is null);
begin
  with paying as (
    update orders o set status = 'PAYING', engine = validate_order.engine, discount_amount = 0, final_amount = o.total_amount,
      user_coupon_id = null, refusal_code = null, xid = pg_current_xact_id()
    where o.id = any(wanted) and o.status = 'PENDING' returning o.id
  )
  select coalesce(array_agg(id), '{}') into started from paying;
  if not wanted <@ started then
    p := mark_refused(p, array(select unnest(wanted) except select unnest(started)), 'ORDER_NOT_PAYABLE');
  end if;
  if exists (select from unnest(p) where code is null and due is null) then
    p := mark_refused(p, array(select order_id from unnest(p) where due is null), 'VALIDATION_FAILED');
  end if;
  return p;
end $$;

-- The last undo: the order leaves PAYING with the status that says why. Compare-and-set, so a second undo changes nothing.
create or replace function undo_validate_order(p payment_facts[], acted bigint[]) returns void language sql as $$
  update orders o set status = refusal_status(f.code), refusal_code = f.code, xid = pg_current_xact_id()
  from unnest(p) f where o.id = f.order_id and o.status = 'PAYING'
$$;
