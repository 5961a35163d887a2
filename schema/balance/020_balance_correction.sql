-- Ledgers are never edited. An entry of an order that should not have been written is taken back by a counter entry of
-- the same order and user; this pairs the two, and both no longer count as debits and refunds of the order.
create table balance_correction (
  wrong_id bigint primary key, -- of balance_ledger, as the other
  counter_id bigint not null unique,
  created_at timestamptz not null default now()
);
