create table rollout (
  id text primary key,
  version bigint not null default 1,
  enabled boolean not null default true,
  emergency boolean not null default false,
  percentage int not null default 0 check (percentage between 0 and 100),
  allow_users bigint[] not null default '{}',
  deny_users bigint[] not null default '{}',
  changed_by text not null default 'migration',
  changed_at timestamptz not null default now(),
  reason text not null default 'first version'
);
insert into rollout (id) values ('payment');

-- Where an order's payment started, for good. Written in the transaction that starts it.
create table payment_route (
  order_id bigint primary key,
  user_id bigint not null,
  side text not null check (side in ('legacy', 'saga')),
  reason text not null,
  bucket int not null,
  config_version bigint not null,
  user_coupon_id bigint, -- the coupon asked for: with order and user the identity of the request
  decided_at timestamptz not null default now()
);

-- Append-only; hash covers the row and the previous hash, so a change of history shows.
create table rollout_audit (
  seq bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  reason text not null check (length(trim(reason)) > 0),
  from_version bigint not null,
  to_version bigint not null,
  diff jsonb not null,
  prev_hash text not null,
  hash text not null
);

create table router_heartbeat (
  router_id text primary key,
  applied_version bigint not null,
  beat_at timestamptz not null
);
