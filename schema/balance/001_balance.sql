create table balances (
  user_id bigint primary key,
  amount bigint not null check (amount >= 0),
  version bigint not null default 0
) with (fillfactor = 70);

-- The stream of events of a balance. Append-only; version and balance_after make a lost update visible as a fork.
create table balance_ledger (
  id bigint generated always as identity primary key,
  user_id bigint not null,
  order_id bigint,
  kind text not null check (kind in ('OPENING', 'TOPUP', 'DEBIT', 'REFUND')),
  amount bigint not null,
  balance_after bigint not null,
  version bigint not null,
  xid xid8 not null default pg_current_xact_id(),
  created_at timestamptz not null default now()
);
-- Not unique on purpose: receipts keep a debit from happening twice, and the verifier must be able to see it when they fail.
create index balance_ledger_order on balance_ledger (order_id) where order_id is not null;
