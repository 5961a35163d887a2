alter table external_event_log drop constraint external_event_log_status_check;
alter table external_event_log add constraint external_event_log_status_check
  check (status in ('PENDING', 'SENT', 'FAILED', 'DEAD_LETTER', 'DROPPED')); -- DROPPED: given up on by a person, see operator_action
-- The horizon of an event that a person had sent again counts from then.
alter table external_event_log add column replayed_at timestamptz;
-- The newest of a topic: what the list in Redis is made from.
create index external_event_log_dead_topic on external_event_log (event_type, event_id) where status = 'DEAD_LETTER';
