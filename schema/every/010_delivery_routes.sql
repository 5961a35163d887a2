-- A route may be added or removed at any moment, by a row: every relay sees it within two seconds.
-- From `since` on each payment must have its delivery (invariant X1); payments that were under way when the route was added may
-- have it or not, so it lies a minute ahead, which no transaction of ours outlives. Routes that were there bind every payment.
alter table delivery_route add column since timestamptz not null default '-infinity';
alter table delivery_route alter column since set default clock_timestamp() + interval '1 minute';

-- By target first: a relay looks along its own events only, whatever has piled up for a target that is down.
drop index external_event_log_open;
create index external_event_log_open on external_event_log (target_system, event_id) where status in ('PENDING', 'FAILED');
-- What waits for its next try and holds back later events of its order. Empty, and so free, while all goes well.
create index external_event_log_failed on external_event_log (target_system, order_id) where status = 'FAILED';
