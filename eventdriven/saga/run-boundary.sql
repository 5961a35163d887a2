-- Runs the steps of one boundary for many sagas in one transaction. PL/pgSQL on purpose: under READ COMMITTED each inner
-- statement takes a new snapshot, so the loser of a claim can read the winner's row; in one big CTE it could not.
-- Order of locks, everywhere: saga_state, then the steps' rows in the order of the steps, each by id.
create or replace function lock_step(step text, p payment_facts[], wait boolean) returns payment_facts[] language plpgsql as $$
begin
  case step
    when 'validateOrder' then return lock_validate_order(p, wait);
    when 'applyCoupon' then return lock_apply_coupon(p, wait);
    when 'deductBalance' then return lock_deduct_balance(p, wait);
    when 'confirmStock' then return lock_confirm_stock(p, wait);
    when 'createPayment' then return lock_create_payment(p, wait);
  end case;
end $$;

create or replace function run_step(step text, p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
begin
  case step
    when 'validateOrder' then return validate_order(p, engine);
    when 'applyCoupon' then return apply_coupon(p, engine);
    when 'deductBalance' then return deduct_balance(p, engine);
    when 'confirmStock' then return confirm_stock(p, engine);
    when 'createPayment' then return create_payment(p, engine);
  end case;
end $$;

-- The facts of these sagas, each once, in order of arrival.
create or replace function pick_facts(p payment_facts[], sagas bigint[]) returns payment_facts[] language sql as $$
  select coalesce(array_agg(row(f.saga_id, f.epoch, f.order_id, f.user_id, f.coupon_id, f.due, f.discount, f.products, f.qtys, f.payment_id, f.code)::payment_facts order by f.n), '{}')
  from (
    select distinct on (x.saga_id) x.* from unnest(p) with ordinality x
      (saga_id, epoch, order_id, user_id, coupon_id, due, discount, products, qtys, payment_id, code, n)
    where x.saga_id = any(sagas) order by x.saga_id, x.n) f
$$;

-- After the pivot nothing may say no: there is no way back. It is a fault, so it is rolled back, tried again, and shown to people.
create or replace function run_retriable_step(step text, p payment_facts[], engine text) returns payment_facts[] language plpgsql as $$
declare after payment_facts[] := run_step(step, p, engine);
begin
  if (select count(code) from unnest(after)) > (select count(code) from unnest(p)) then
    raise exception '% refused after the pivot: it is tried again', step;
  end if;
  return after;
end $$;

-- boundary: its name and number (1..n); steps: in order; last: success ends the saga.
-- events: what is recorded when a payment passes, and when it is refused.
-- worker: null when no worker owns a saga between boundaries (choreography).
-- wait: false locks with SKIP LOCKED and answers BUSY; true waits for rows (contended lane).
-- pivot: its place among the steps, from 1; 0: it lies behind; null: ahead, or nothing comes after it.
-- Outcomes: ok · refused (code) · already-done (as the receipt says) · busy (nothing written) · fenced (not ours, or no longer
-- running). lock_wait_us: asking for the rows -> having them. locked_at_us: start of the call -> rows locked.
create or replace function run_boundary(
  boundary text, boundary_no int, steps text[], last boolean, events text[], engine text, worker text, wait boolean, added_ms double precision,
  p payment_facts[], pivot int default null
) returns table (
  saga_id bigint, outcome text, code text, user_id bigint, coupon_id bigint, due bigint, discount bigint, products bigint[], qtys bigint[],
  payment_id bigint, lock_wait_us bigint, locked_at_us bigint
) language plpgsql as $$
#variable_conflict use_column
declare
  began timestamptz := clock_timestamp(); asked timestamptz; locked timestamptz; step text;
  asking bigint[]; epochs int[]; open bigint[]; fresh bigint[]; mine payment_facts[]; wait_us bigint; at_us bigint;
begin
  select array_agg(f.saga_id), array_agg(f.epoch) into asking, epochs from unnest(p) f;

  -- Fence before claim: a fenced payment must never leave a receipt behind.
  open := array(select s.saga_id from saga_state s where s.saga_id = any(asking)
    and s.epoch = epochs[array_position(asking, s.saga_id)] and s.status = 'RUNNING'
    and (worker is null or s.owner is null or s.owner = worker) order by s.saga_id for update);
  if cardinality(open) = cardinality(asking) then
    mine := p;
  else -- the same saga twice in one batch is worked on once
    mine := pick_facts(p, open);
  end if;
  if boundary_no = 1 then mine := load_facts(mine); end if;

  asked := clock_timestamp();
  foreach step in array steps loop mine := lock_step(step, mine, wait); end loop;
  locked := clock_timestamp();

  -- What the boundary is going to answer is known once its rows are held, so the receipt takes it along at no second write.
  with receipt as (
    insert into saga_step_execution (saga_id, step_name, step_no, op, status, output_data)
    select f.saga_id, boundary, boundary_no, 'EXECUTE', 'SUCCESS', case
        when boundary_no = 1 and f.payment_id is not null then
          jsonb_build_object('due', f.due - f.discount, 'discount', f.discount, 'paymentId', f.payment_id)
        when boundary_no = 1 then jsonb_build_object('due', f.due - f.discount, 'discount', f.discount)
        when f.payment_id is not null then jsonb_build_object('paymentId', f.payment_id) end
    from unnest(mine) f where f.code is null order by f.saga_id
    on conflict do nothing returning saga_id
  )
  select coalesce(array_agg(r.saga_id), '{}') into fresh from receipt r;
  if cardinality(fresh) < cardinality(mine) then
    mine := pick_facts(mine, fresh);
  end if;

  if cardinality(mine) > 0 then
    for i in 1 .. cardinality(steps) loop
      if i > pivot then mine := run_retriable_step(steps[i], mine, engine); else mine := run_step(steps[i], mine, engine); end if;
    end loop;
    if added_ms > 0 then perform pg_sleep(added_ms / 1000); end if;
    perform record_boundary(boundary, boundary_no, last, pivot > 0 and not last, events, worker, mine);
  end if;

  wait_us := extract(epoch from locked - asked) * 1000000;
  at_us := extract(epoch from locked - began) * 1000000;
  return query select f.saga_id, case when f.code is null then 'ok' else 'refused' end, f.code, f.user_id, f.coupon_id, f.due, f.discount,
    f.products, f.qtys, f.payment_id, wait_us, at_us from unnest(mine) f;
  if cardinality(mine) < cardinality(asking) then
    return query select * from answer_boundary(boundary, array(select unnest(asking) except select unnest(fresh)), open);
  end if;
end $$;

-- One event per boundary, which is the outbox too; the saga's counter of events makes its number known without a look-up.
-- decides: the pivot has passed and more is to come. From here there is no deadline and no way back.
create or replace function record_boundary(
  boundary text, boundary_no int, last boolean, decides boolean, events text[], worker text, p payment_facts[]
) returns void language plpgsql as $$
declare refused bigint[]; codes text[]; mine bigint[] := array(select f.saga_id from unnest(p) f);
begin
  with state as (
    update saga_state s set current_step = boundary, owner = worker, event_count = s.event_count + 1, attempts = 0, attention_at = null,
      updated_at = now(), status = case when f.code is not null then 'COMPENSATING' when last then 'COMPLETED' else 'RUNNING' end,
      failure_code = f.code,
      decided_at = case when decides and f.code is null then now() else s.decided_at end,
      deadline_at = case when decides and f.code is null then null else s.deadline_at end,
      compensation_data = case when boundary_no > 1 then s.compensation_data else
        jsonb_build_object('userId', f.user_id, 'couponId', f.coupon_id, 'due', f.due, 'discount', f.discount, 'products', f.products, 'qtys', f.qtys) end
    from unnest(p) f where s.saga_id = any(mine) and s.saga_id = f.saga_id
    returning s.order_id, s.event_count, f.code, f.user_id, f.coupon_id, f.due, f.discount, f.payment_id
  )
  insert into event_store (aggregate_id, sequence_number, event_type, event_data)
  select 'order-' || order_id, event_count, case when code is null then events[1] else events[2] end, case
      when code is not null then jsonb_build_object('code', code)
      when boundary_no = 1 then jsonb_build_object('userId', user_id, 'couponId', coupon_id, 'due', due, 'discount', discount)
      when payment_id is not null then jsonb_build_object('paymentId', payment_id, 'amount', due) end
  from state;

  -- By key, not by join: planned on the empty table a join reads all receipts there are, a little more with each refusal.
  select array_agg(f.saga_id), array_agg(f.code) into refused, codes from unnest(p) f where f.code is not null;
  if refused is not null then
    update saga_step_execution e set status = 'FAILED', error_message = codes[array_position(refused, e.saga_id)], output_data = null
    where e.saga_id = any(refused) and e.step_name = boundary and e.op = 'EXECUTE';
  end if;
end $$;

-- Answers for the sagas that did not run now: what their receipt says, with the output it has kept; without one, busy or fenced.
-- Items and quantities come from the saga: they are never more than the order's.
create or replace function answer_boundary(boundary text, sagas bigint[], open bigint[]) returns table (
  saga_id bigint, outcome text, code text, user_id bigint, coupon_id bigint, due bigint, discount bigint, products bigint[], qtys bigint[],
  payment_id bigint, lock_wait_us bigint, locked_at_us bigint
) language sql as $$
  select q, case when e.status = 'SUCCESS' then 'already-done' when e.error_message = 'voided' then 'fenced' when e.status = 'FAILED' then 'refused'
      when q = any(open) then 'busy' else 'fenced' end,
    e.error_message, (s.compensation_data->>'userId')::bigint, (s.compensation_data->>'couponId')::bigint,
    coalesce(e.output_data->>'due', s.compensation_data->>'due')::bigint, coalesce(e.output_data->>'discount', s.compensation_data->>'discount')::bigint,
    array(select jsonb_array_elements_text(s.compensation_data->'products')::bigint), array(select jsonb_array_elements_text(s.compensation_data->'qtys')::bigint),
    (e.output_data->>'paymentId')::bigint, 0, 0
  from unnest(sagas) q
  left join lateral (select * from saga_step_execution x where x.saga_id = q and x.step_name = boundary and x.op = 'EXECUTE' limit 1) e on true
  left join lateral (select * from saga_state x where x.saga_id = q limit 1) s on true
$$;
