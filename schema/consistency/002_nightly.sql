-- A nightly run is a row from its first moment on, so that the next start finds what a crash has left and goes on with it.
-- Rows of passes that are recorded when they have ended are FINISHED from the start.
alter table verification_run
  add column status text not null default 'FINISHED' check (status in ('RUNNING', 'FINISHED', 'ABANDONED')),
  add column catalogue text, -- which questions are asked, by which version: a run is only resumed by the same
  add column orders jsonb not null default '[]', -- what there was to examine when it began, by engine
  add column doubts jsonb not null default '[]', -- why it proves less than it says, in sentences
  add column host text,
  add column pid int,
  add column resumed_at timestamptz, -- last
  add column resumptions int not null default 0,
  add column snapshots int,
  add column checked_by jsonb not null default '{}', -- orders by engine
  add column touched bigint,
  add column proven double precision, -- lower bound of the share of orders that are consistent
  add column duration_ms bigint; -- at work, without the time between a crash and the next start

-- Two starts at once are kept apart by an advisory lock; this is for the row that a mistake with it would leave.
create unique index verification_run_nightly_running on verification_run (mode) where mode = 'nightly' and status = 'RUNNING';

alter table verification_finding
  add column examined bigint,
  add column violators jsonb not null default '[]', -- more of them than `sample`, and never all
  add column since timestamptz, -- start of the first of the nightly runs in a row that found it
  drop constraint verification_finding_run_id_fkey,
  add foreign key (run_id) references verification_run (id) on delete cascade;

-- What a nightly run has already looked at, each part in a snapshot of its own.
create table verification_part (
  run_id bigint not null references verification_run (id) on delete cascade,
  part text not null,
  snapshot text not null,
  taken_at timestamptz not null,
  duration_ms bigint not null,
  findings jsonb not null,
  touched_orders bigint[] not null,
  touched_rows bigint not null, -- that belong to no order
  primary key (run_id, part)
);

-- Sums of the runs that were pruned: counters that follow these tables must not go back, or they would hide what is new.
create table verification_pruned (
  what text primary key, -- checked, or a severity
  total bigint not null
);
