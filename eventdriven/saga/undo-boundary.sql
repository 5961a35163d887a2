create or replace function undo_step(step text, p payment_facts[], acted bigint[]) returns void language plpgsql as $$
begin
  case step
    when 'validateOrder' then perform undo_validate_order(p, acted);
    when 'applyCoupon' then perform undo_apply_coupon(p, acted);
    when 'deductBalance' then perform undo_deduct_balance(p, acted);
    when 'confirmStock' then perform undo_confirm_stock(p, acted);
    when 'createPayment' then perform undo_create_payment(p, acted);
  end case;
end $$;

-- Undoes one boundary for many sagas, steps in reverse. Claims the undo and, with it, the action's own key (FAILED, 'voided'):
-- an action that arrives later finds its receipt taken and does nothing.
-- boundary_no 1 is the last undo: the saga is COMPENSATED and the order final. Waits for rows; it has a connection of its own.
-- Outcomes: ok · already-done · fenced.
create or replace function undo_boundary(
  boundary text, boundary_no int, steps text[], event text, worker text, p payment_facts[]
) returns table (saga_id bigint, outcome text, code text) language plpgsql as $$
#variable_conflict use_column
declare asking bigint[]; epochs int[]; open bigint[]; fresh bigint[]; done bigint[]; refused bigint[]; acted bigint[]; mine payment_facts[];
begin
  select array_agg(f.saga_id), array_agg(f.epoch) into asking, epochs from unnest(p) f;
  open := array(select s.saga_id from saga_state s where s.saga_id = any(asking)
    and s.epoch = epochs[array_position(asking, s.saga_id)] and s.status = 'COMPENSATING'
    and (worker is null or s.owner is null or s.owner = worker) order by s.saga_id for update);

  with undo as (
    insert into saga_step_execution (saga_id, step_name, step_no, op, status)
    select q, boundary, boundary_no, 'COMPENSATE', 'SUCCESS' from unnest(open) q order by q
    on conflict do nothing returning saga_id
  ), late_action as (
    insert into saga_step_execution (saga_id, step_name, step_no, op, status, error_message)
    select u.saga_id, boundary, boundary_no, 'EXECUTE', 'FAILED', 'voided' from undo u on conflict do nothing
  )
  select coalesce(array_agg(u.saga_id), '{}') into fresh from undo u;

  if cardinality(fresh) > 0 then
    -- The refusal's code comes from the saga, not from the caller: whoever undoes, the order ends with the same status.
    -- Everything is looked up by key: a join planned on the empty tables reads all sagas and receipts there are.
    mine := array(
      select row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due, f.discount, f.products, f.qtys, null,
        coalesce(s.failure_code, 'PAYMENT_FAILED'))::payment_facts
      from unnest(pick_facts(p, fresh)) with ordinality f
        (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
      cross join lateral (select x.failure_code from saga_state x where x.saga_id = f.saga_id limit 1) s order by f.n);
    done := array(select e.saga_id from saga_step_execution e
      where e.saga_id = any(fresh) and e.step_name = boundary and e.op = 'EXECUTE' and e.status = 'SUCCESS');
    -- A boundary of several steps that was refused has done the steps before the one that refused.
    refused := array(select e.saga_id from saga_step_execution e
      where e.saga_id = any(fresh) and e.step_name = boundary and e.op = 'EXECUTE' and e.status = 'FAILED' and e.error_message <> 'voided'
        and cardinality(steps) > 1);
    acted := array(select f.order_id from unnest(mine) f where f.saga_id = any(done || refused));
    for i in reverse cardinality(steps) .. 1 loop perform undo_step(steps[i], mine, acted); end loop;

    update saga_step_execution e set status = 'COMPENSATED'
    where e.saga_id = any(done) and e.step_name = boundary and e.op = 'COMPENSATE';
    with state as (
      update saga_state s set current_step = boundary, owner = worker, event_count = s.event_count + 1, attempts = 0, attention_at = null,
        updated_at = now(), status = case when boundary_no = 1 then 'COMPENSATED' else 'COMPENSATING' end
      where s.saga_id = any(fresh) returning s.order_id, s.event_count, s.failure_code
    )
    insert into event_store (aggregate_id, sequence_number, event_type, event_data)
    select 'order-' || order_id, event_count, event, case when boundary_no = 1 then jsonb_build_object('code', failure_code) end from state;
  end if;

  return query select q, case when q = any(fresh) then 'ok' when e.saga_id is not null then 'already-done' else 'fenced' end, s.failure_code
  from unnest(asking) q
  left join lateral (select x.saga_id from saga_step_execution x where x.saga_id = q and x.step_name = boundary and x.op = 'COMPENSATE' limit 1) e on true
  left join lateral (select x.failure_code from saga_state x where x.saga_id = q limit 1) s on true;
end $$;
