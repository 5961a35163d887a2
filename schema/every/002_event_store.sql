create table event_store (
  global_seq bigint generated always as identity,
  aggregate_id text not null,
  sequence_number int not null,
  event_type text not null,
  event_data jsonb,
  xid xid8 not null default pg_current_xact_id(), -- a reader by position stops at pg_snapshot_xmin: ids are given before commit
  occurred_at timestamptz not null default now(),
  primary key (aggregate_id, sequence_number)
);
create index event_store_position on event_store using brin (global_seq);
