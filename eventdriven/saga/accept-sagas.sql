-- Accepts payments on the saga side: route and saga commit together, so an accepted payment cannot be lost.
-- definition: the version by which these sagas run, whatever is current later.
create or replace function accept_sagas(
  engine text, order_ids bigint[], user_ids bigint[], coupon_ids bigint[], sides text[], reasons text[], buckets int[], versions bigint[],
  deadline interval, definition int default 1
) returns table (
  order_id bigint, verdict text, side text, reason text, bucket int, config_version bigint,
  engine_name text, refusal text, payment_id bigint, amount bigint, saga_id bigint
) language plpgsql as $$
#variable_conflict use_column
begin
  return query
    with route as materialized (
      select * from claim_routes(order_ids, user_ids, coupon_ids, sides, reasons, buckets, versions)
    ), saga as (
      insert into saga_state (saga_type, definition_version, order_id, status, current_step, compensation_data, deadline_at)
      select accept_sagas.engine, definition, r.order_id, 'RUNNING', 'accepted',
        jsonb_build_object('userId', user_ids[array_position(order_ids, r.order_id)], 'couponId', coupon_ids[array_position(order_ids, r.order_id)]),
        now() + deadline
      from route r
      where r.verdict = 'CLAIMED' order by r.order_id
      returning saga_state.saga_id, saga_state.order_id
    )
    select r.order_id, r.verdict, r.side, r.reason, r.bucket, r.config_version, coalesce(r.engine, accept_sagas.engine), r.refusal,
      r.payment_id, r.amount, coalesce(s.saga_id, r.saga_id)
    from route r left join saga s on s.order_id = r.order_id;
end $$;
