-- What a balance was at a version of its ledger, so that a long ledger need not be folded from its first entry.
create table balance_snapshot (
  user_id bigint primary key,
  version bigint not null,
  amount bigint not null,
  created_at timestamptz not null default now()
);
