-- Deletes the receipts of sagas that have been final for longer than `retention`, and marks those sagas. The status, which is
-- final, goes on fencing whatever comes for them. Sagas given up by a person (FAILED) keep theirs, as evidence.
-- Looks at `max_count` sagas from `from_saga` on, by the receipts' own key: an index by age would cost every payment a write.
-- next_saga: where to go on; null when there is nothing more that can be old enough, as ids grow with time.
create or replace function prune_receipts(retention interval, from_saga bigint, max_count int)
returns table (pruned int, next_saga bigint) language plpgsql as $$
declare seen bigint[]; old bigint[];
begin
  seen := array(select distinct e.saga_id from saga_step_execution e where e.saga_id >= from_saga order by e.saga_id limit max_count);
  old := array(select s.saga_id from saga_state s
    where s.saga_id = any(seen) and s.status in ('COMPLETED', 'COMPENSATED') and s.updated_at < now() - retention
    order by s.saga_id for update skip locked);
  if cardinality(old) > 0 then
    update saga_state s set pruned_at = now() where s.saga_id = any(old);
    delete from saga_step_execution e where e.saga_id = any(old);
  end if;
  return query select cardinality(old), case when cardinality(seen) = max_count and not exists (
    select from saga_state s where s.saga_id = seen[max_count] and s.created_at > now() - retention) then seen[max_count] + 1 end;
end $$;
