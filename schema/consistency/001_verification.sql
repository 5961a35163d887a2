create table verification_run (
  id bigint generated always as identity primary key,
  mode text not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  checked bigint,
  violations bigint
);

create table verification_finding (
  run_id bigint not null references verification_run (id),
  code text not null,
  severity text not null,
  violations bigint not null,
  sample jsonb not null,
  primary key (run_id, code)
);
