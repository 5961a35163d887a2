-- What people did by a command, whatever the command, written in the transaction that did it. Append-only.
create table operator_action (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  command text not null, -- as typed, e.g. 'dead-letters replay'
  subject text not null, -- what it was done to, e.g. 'event 42' or 'saga 7'
  reason text not null check (length(trim(reason)) > 0),
  before jsonb,
  after jsonb
);
create index operator_action_subject on operator_action (subject);
