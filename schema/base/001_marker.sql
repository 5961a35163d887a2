-- The mark by which the tools know a database of theirs. Nothing without it is ever wiped or loaded.
create table sagashift_database (
  only_row boolean primary key default true check (only_row),
  purpose text not null,
  dataset jsonb, -- the manifest of the generated data, if any: seed, scale, counts, checksum
  created_at timestamptz not null default now()
);
