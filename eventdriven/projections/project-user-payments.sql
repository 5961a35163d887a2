-- One batch of one stream into user_payment, and the position with it. Several projectors at once are fine: who finds the position taken
-- answers BUSY. Outcomes: behind (more is there) · caught-up · busy.
-- Streams: 'events' for what sagas paid; 'payments' for engines that write no events. Each has its own position.
create or replace function project_user_payments(stream text, max_count int) returns table (outcome text, rows_read int, as_of timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare p projection_position; seen record; covered xid8;
begin
  perform set_config('synchronous_commit', 'off', true); -- a crash takes rows and position back together
  if not exists (select from projection_position x where x.projection = 'user-payments' and x.stream = project_user_payments.stream) then
    insert into projection_position (projection, stream) values ('user-payments', project_user_payments.stream) on conflict do nothing;
  end if;
  select x.* into p from projection_position x
  where x.projection = 'user-payments' and x.stream = project_user_payments.stream for update skip locked;
  if not found then return query select 'busy', 0, null::timestamptz; return; end if;

  if project_user_payments.stream = 'events' then
    seen := project_paid_events(p.xid, p.seq, max_count);
  else
    seen := project_other_payments(p.xid, p.seq, max_count);
  end if;

  -- All below this is in. What is newer than the mark may not be, even if it has committed.
  covered := case when seen.n < max_count then seen.xmin else seen.xid end;
  if covered >= seen.xmax then
    p.as_of := now(); p.mark := null;
  elsif p.mark is null or covered >= p.mark then
    p.as_of := coalesce(case when p.mark is not null then p.mark_at end, p.as_of); p.mark := seen.xmax; p.mark_at := now();
  end if;
  update projection_position x set xid = coalesce(seen.xid, p.xid), seq = coalesce(seen.seq, p.seq), as_of = p.as_of, mark = p.mark, mark_at = p.mark_at
  where x.projection = 'user-payments' and x.stream = project_user_payments.stream;
  return query select case when seen.n < max_count then 'caught-up' else 'behind' end, seen.n, p.as_of;
end $$;

-- payment.completed says what was paid, the first event of the order by whom. A saga of one boundary says all in one event, but not the
-- payment's number: that is looked up.
create or replace function project_paid_events(
  after_xid xid8, after_seq bigint, max_count int, out n int, out xid xid8, out seq bigint, out xmin xid8, out xmax xid8
) language sql as $$
  with batch as materialized (
    select * from read_events(after_xid, after_seq, max_count)
  ), put as (
    insert into user_payment (user_id, payment_id, order_id, amount, paid_at)
    select (f.event_data->>'userId')::bigint, coalesce((b.event_data->>'paymentId')::bigint, p.id), o.order_id,
      coalesce(b.event_data->>'amount', b.event_data->>'due')::bigint, b.occurred_at
    from batch b
    cross join lateral (select substr(b.aggregate_id, 7)::bigint as order_id) o
    cross join lateral (select e.event_data from event_store e where e.aggregate_id = b.aggregate_id and e.sequence_number = 1 limit 1) f
    left join lateral (select x.id from payments x where b.event_data->>'paymentId' is null and x.order_id = o.order_id limit 1) p on true
    where b.event_type = 'payment.completed'
    on conflict do nothing
  )
  select c.n, l.xid, l.global_seq, pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot())
  from (select count(*)::int as n from batch) c
  left join (select b.xid, b.global_seq from batch b order by b.xid desc, b.global_seq desc limit 1) l on true
$$;

-- The same for payments of engines without events. The condition on `engine` is the index's, word by word.
create or replace function project_other_payments(
  after_xid xid8, after_seq bigint, max_count int, out n int, out xid xid8, out seq bigint, out xmin xid8, out xmax xid8
) language sql as $$
  with batch as materialized (
    select p.* from payments p
    where p.engine not in ('orchestration', 'choreography')
      and (p.xid, p.id) > (after_xid, after_seq) and p.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by p.xid, p.id limit max_count
  ), put as (
    insert into user_payment (user_id, payment_id, order_id, amount, paid_at)
    select b.user_id, b.id, b.order_id, b.amount, b.created_at from batch b
    on conflict do nothing
  )
  select c.n, l.xid, l.id, pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot())
  from (select count(*)::int as n from batch) c
  left join (select b.xid, b.id from batch b order by b.xid desc, b.id desc limit 1) l on true
$$;
