-- The rescuer's claim: raises the epoch, so whoever worked on these sagas before can no longer write.
-- Due are sagas whose retry is due, whose owner's heart stopped, which nobody took up, and which `worker` owns on paper
-- only: a fault it could not record, or a restart under the same name. What it has in hand (`active`) is left alone, and so is
-- what another says it has in hand, as long as its heart beats: it waits its turn there, however long that takes.
-- What has not moved since a worker fell silent is given no longer than its silence: it may have been in that worker's hands, and
-- a second is more than passes between two beats.
-- The patience with a saga that does not move doubles with each claim, up to 16 times: behind a backlog of jobs that takes
-- longer than `unowned`, claiming again and again would fence the very envelopes that are about to move it.
-- A saga that still runs after its deadline is due whoever has it, and turns back. Its row is locked first: while the pivot's
-- transaction has it, it is skipped here, and who comes second finds the other's status and epoch.
-- Sagas of a version that is not among `versions` are not touched: a worker that knows it will come.
create or replace function rescue_sagas(
  engine text, worker text, versions int[], active bigint[], max_count int, silent interval, unowned interval
) returns table (
  saga_id bigint, order_id bigint, epoch int, status text, current_step text, version int, facts jsonb, attempts int, age interval, expired boolean
) language plpgsql as $$
#variable_conflict use_column
declare due bigint[]; late bigint[]; held bigint[]; died timestamptz;
begin
  held := array(select unnest(h.in_hand) from worker_heartbeat h where h.beat_at > now() - silent);
  died := (select max(h.beat_at) + interval '1 second' from worker_heartbeat h where h.beat_at <= now() - silent);
  select coalesce(array_agg(c.saga_id), '{}'), coalesce(array_agg(c.saga_id) filter (where c.late), '{}') into due, late from (
    select d.saga_id, d.status = 'RUNNING' and d.deadline_at <= now() as late from saga_state d
    where d.status in ('RUNNING', 'COMPENSATING') and d.saga_type = engine and d.definition_version = any(versions) and case
      when d.status = 'RUNNING' and d.deadline_at <= now() then true
      when d.saga_id = any(active) then false
      when d.next_run_at is not null then d.next_run_at <= now()
      when d.owner is null or d.owner = worker then
        d.updated_at < now() - case when d.updated_at <= died then least(silent, unowned) else unowned end * power(2, least(d.epoch - 1, 4))
        and d.saga_id <> all(held)
      else not exists (select from worker_heartbeat h where h.worker_id = d.owner and h.beat_at > now() - silent) end
    order by d.saga_id limit max_count for update skip locked) c;
  if cardinality(due) = 0 then return; end if;
  if cardinality(late) > 0 then perform turn_back_sagas(late, 'PAYMENT_FAILED', 'the deadline has passed'); end if;
  return query
    update saga_state s set epoch = s.epoch + 1, owner = worker, next_run_at = null, updated_at = now()
    where s.saga_id = any(due)
    returning s.saga_id, s.order_id, s.epoch, s.status, s.current_step, s.definition_version, s.compensation_data, s.attempts,
      now() - s.created_at, s.saga_id = any(late);
end $$;

-- Turns running sagas back as a refusal would, and says so in their streams. After the pivot a saga is COMPLETED, or decided: none
-- of those turns. One that had not begun is begun first, without its coupon: its order leaves PENDING, so that the undo can
-- leave it final, and its facts are loaded, so that the undo knows which stock to give back. If its totals do not add up, that
-- is the reason it ends with.
create or replace function turn_back_sagas(sagas bigint[], code text, reason text) returns setof bigint language plpgsql as $$
declare turning bigint[]; fresh payment_facts[];
begin
  turning := array(select s.saga_id from saga_state s where s.saga_id = any(sagas) and s.status = 'RUNNING' and s.decided_at is null order by s.saga_id for update);
  fresh := load_facts(array(
    select row(s.saga_id, s.epoch, s.order_id, (s.compensation_data->>'userId')::bigint, (s.compensation_data->>'couponId')::bigint,
      null, null, null, null, null, null)::payment_facts
    from saga_state s where s.saga_id = any(turning) and s.current_step = 'accepted'));
  if cardinality(fresh) > 0 then
    perform o.id from orders o where o.id = any(array(select f.order_id from unnest(fresh) f)) order by o.id for update;
    fresh := array(
      select v::payment_facts from (
        select s.saga_type as engine, array_agg(f::payment_facts) as begun from unnest(fresh) f join saga_state s on s.saga_id = f.saga_id group by s.saga_type
      ) g, unnest(validate_order(g.begun, g.engine)) v);
  end if;
  return query
    with turned as (
      update saga_state s set status = 'COMPENSATING', last_error = reason, event_count = s.event_count + 1, attempts = 0,
        next_run_at = now(), updated_at = now(),
        failure_code = coalesce((select f.code from unnest(fresh) f where f.saga_id = s.saga_id), turn_back_sagas.code),
        compensation_data = coalesce((
          select jsonb_build_object('userId', f.user_id, 'couponId', f.coupon_id, 'due', f.due, 'discount', 0, 'products', f.products, 'qtys', f.qtys)
          from unnest(fresh) f where f.saga_id = s.saga_id), s.compensation_data)
      where s.saga_id = any(turning) returning s.saga_id, s.order_id, s.event_count, s.failure_code
    ), event as (
      insert into event_store (aggregate_id, sequence_number, event_type, event_data)
      select 'order-' || t.order_id, t.event_count, 'payment.rejected', jsonb_build_object('code', t.failure_code, 'reason', reason) from turned t
    )
    select t.saga_id from turned t;
end $$;

-- A technical fault: the saga waits for its next try, visible to people after `attention_after` faults in a row, and is tried
-- for ever. The delay doubles with each fault up to `longest`, with jitter, by the saga's own count: whoever comes next, in
-- either style, goes on from there.
create or replace function defer_sagas(sagas bigint[], epochs int[], first_delay interval, longest interval, error text, attention_after int)
returns setof bigint language sql as $$
  update saga_state s set attempts = s.attempts + 1, last_error = left(error, 500), owner = null, updated_at = now(),
    next_run_at = now() + least(longest, first_delay * power(2, least(s.attempts, 20))) * (0.5 + random() / 2),
    attention_at = case when s.attempts + 1 >= attention_after then coalesce(s.attention_at, now()) else s.attention_at end
  from unnest(sagas, epochs) r (saga_id, epoch)
  where s.saga_id = r.saga_id and s.epoch = r.epoch and s.status in ('RUNNING', 'COMPENSATING')
  returning s.saga_id
$$;
