-- The rescuer's claim: raises the epoch, so whoever worked on these sagas before can no longer write.
-- Due are sagas whose retry is due, whose owner's heart stopped, which nobody took up, and which `worker` owns on paper
-- only: a fault it could not record, or a restart under the same name. What it has in hand (`active`) is left alone.
-- The patience with a saga that does not move doubles with each claim, up to 16 times: behind a backlog that takes longer
-- than `unowned`, claiming again and again would fence the very envelopes that are about to move it.
create or replace function rescue_sagas(
  engine text, worker text, active bigint[], max_count int, silent interval, unowned interval
) returns table (saga_id bigint, order_id bigint, epoch int, status text, current_step text, facts jsonb, attempts int, age interval) language sql as $$
  update saga_state s set epoch = s.epoch + 1, owner = worker, next_run_at = null, updated_at = now()
  from (
    select d.saga_id from saga_state d
    where d.status in ('RUNNING', 'COMPENSATING') and d.saga_type = engine and not d.saga_id = any(active) and case
      when d.next_run_at is not null then d.next_run_at <= now()
      when d.owner is null or d.owner = worker then d.updated_at < now() - unowned * power(2, least(d.epoch - 1, 4))
      else not exists (select from worker_heartbeat h where h.worker_id = d.owner and h.beat_at > now() - silent) end
    order by d.saga_id limit max_count for update skip locked
  ) due
  where s.saga_id = due.saga_id
  returning s.saga_id, s.order_id, s.epoch, s.status, s.current_step, s.compensation_data, s.attempts, now() - s.created_at
$$;

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
