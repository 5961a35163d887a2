-- Events after a position, in an order in which none is ever missed or seen twice. Ids are given before commit, so a reader by id alone
-- passes over an event whose transaction is still under way. This one goes by transaction, and stops before the oldest that has not ended:
-- below pg_snapshot_xmin nothing can appear any more. An open transaction that has written, in any database of the server, holds it back.
create or replace function read_events(after_xid xid8, after_seq bigint, max_count int) returns table (
  global_seq bigint, aggregate_id text, sequence_number int, event_type text, event_data jsonb, xid xid8, occurred_at timestamptz
) language sql stable as $$
  select e.global_seq, e.aggregate_id, e.sequence_number, e.event_type, e.event_data, e.xid, e.occurred_at
  from event_store e
  where (e.xid, e.global_seq) > (after_xid, after_seq) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
  order by e.xid, e.global_seq limit max_count
$$;
