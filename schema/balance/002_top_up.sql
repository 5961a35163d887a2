-- A top-up's idempotency key and its first answer: a retry gets that answer and adds no money.
create table top_up (
  key text primary key,
  user_id bigint not null,
  amount bigint not null check (amount > 0),
  ledger_id bigint not null,
  balance_after bigint not null,
  created_at timestamptz not null default now()
);
