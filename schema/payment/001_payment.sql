create table payments (
  id bigint generated always as identity primary key,
  order_id bigint not null unique,
  user_id bigint not null,
  amount bigint not null check (amount >= 0),
  status text not null default 'COMPLETED' check (status in ('COMPLETED')),
  engine text not null,
  xid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now()
);
