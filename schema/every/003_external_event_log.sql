-- Which event goes to which outside system. A row more here is a delivery more; nothing else changes.
create table delivery_route (
  event_type text not null,
  target_system text not null,
  primary key (event_type, target_system)
);
insert into delivery_route values ('payment.completed', 'data-platform');

create table external_event_log (
  event_id bigint generated always as identity primary key,
  order_id bigint not null,
  event_type text not null,
  target_system text not null,
  event_data jsonb not null,
  status text not null default 'PENDING' check (status in ('PENDING', 'SENT', 'FAILED', 'DEAD_LETTER')),
  retry_count int not null default 0,
  next_attempt_at timestamptz, -- null: at once
  created_at timestamptz not null default now(),
  last_attempt_at timestamptz,
  error_message text
) with (fillfactor = 70);
create index external_event_log_open on external_event_log (event_id) where status in ('PENDING', 'FAILED');
create index external_event_log_dead on external_event_log (target_system) where status = 'DEAD_LETTER';
