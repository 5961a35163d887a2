-- Starts payments: pins each order to the side that was chosen for it, in the caller's transaction.
-- Only from `orders` where id and user match and the order is PENDING, so nobody can pin another's order. The emergency
-- flag is read here again: a router that never heard of the rollback cannot start an order on the saga side after it.
-- The advisory lock (order ids are positive, all other keys are negative) lets a second request of an order in work be told
-- at once, without waiting for the first to commit.
-- Verdicts: CLAIMED · EMERGENCY (choose again: legacy) · final answers of a payment that exists: PAID, REFUSED ·
-- and what changes nothing: ORDER_NOT_FOUND, ORDER_NOT_PAYABLE, COUPON_UNUSABLE, COUPON_MISMATCH, PAYMENT_IN_PROGRESS.
create or replace function claim_routes(
  order_ids bigint[], user_ids bigint[], coupon_ids bigint[], sides text[], reasons text[], buckets int[], versions bigint[]
) returns table (
  order_id bigint, verdict text, side text, reason text, bucket int, config_version bigint,
  engine text, refusal text, payment_id bigint, amount bigint, saga_id bigint
) language plpgsql as $$
#variable_conflict use_column
declare claimed bigint[];
begin
  with req as materialized (
    select * from unnest(order_ids, user_ids, coupon_ids, sides, reasons, buckets, versions)
      q (order_id, user_id, coupon_id, side, reason, bucket, version)
    where pg_try_advisory_xact_lock(q.order_id)
  ), claim as (
    insert into payment_route (order_id, user_id, side, reason, bucket, config_version, user_coupon_id)
    select r.order_id, r.user_id, r.side, r.reason, r.bucket, r.version, r.coupon_id
    from req r
    cross join lateral (select from orders o where o.id = r.order_id and o.user_id = r.user_id and o.status = 'PENDING' limit 1) o
    where (r.coupon_id is null or exists (select from user_coupons u where u.id = r.coupon_id and u.user_id = r.user_id))
      and (r.side = 'legacy' or r.reason = 'pinned' or not (select bool_or(emergency) from rollout))
    order by r.order_id
    on conflict do nothing returning order_id
  )
  select coalesce(array_agg(c.order_id), '{}') into claimed from claim c;

  if order_ids <@ claimed then
    return query select q.order_id, 'CLAIMED', q.side, q.reason, q.bucket, q.version, null::text, null::text, null::bigint, null::bigint, null::bigint
      from unnest(order_ids, sides, reasons, buckets, versions) q (order_id, side, reason, bucket, version);
    return;
  end if;
  return query
    select q.order_id, case
        when q.order_id = any(claimed) then 'CLAIMED'
        when o.id is null then 'ORDER_NOT_FOUND'
        when r.order_id is not null and r.user_coupon_id is distinct from q.coupon_id then 'COUPON_MISMATCH'
        when r.order_id is not null and o.status = 'PAID' then 'PAID'
        when r.order_id is not null and o.status in ('PENDING', 'PAYING') then 'PAYMENT_IN_PROGRESS'
        when r.order_id is not null then 'REFUSED'
        when o.status <> 'PENDING' then 'ORDER_NOT_PAYABLE'
        when q.coupon_id is not null and not exists (select from user_coupons u where u.id = q.coupon_id and u.user_id = q.user_id) then 'COUPON_UNUSABLE'
        when q.side = 'saga' and q.reason <> 'pinned' and (select bool_or(emergency) from rollout) then 'EMERGENCY'
        else 'PAYMENT_IN_PROGRESS' end,
      coalesce(r.side, q.side), coalesce(r.reason, q.reason), coalesce(r.bucket, q.bucket), coalesce(r.config_version, q.version),
      o.engine, o.refusal_code, p.id, p.amount, s.saga_id
    from unnest(order_ids, user_ids, coupon_ids, sides, reasons, buckets, versions)
      q (order_id, user_id, coupon_id, side, reason, bucket, version)
    left join lateral (select * from orders x where x.id = q.order_id and x.user_id = q.user_id limit 1) o on true
    left join lateral (select * from payment_route x where x.order_id = o.id limit 1) r on true
    left join lateral (select x.id, x.amount from payments x where x.order_id = o.id limit 1) p on true
    left join lateral (select x.saga_id from saga_state x where x.order_id = o.id limit 1) s on true;
end $$;
