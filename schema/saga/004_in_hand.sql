-- The sagas that a worker had in hand when its heart last beat. In the choreography nobody owns a saga between two boundaries:
-- this is what tells one that waits for its turn from one that was lost with its worker, at no cost to any payment.
alter table worker_heartbeat add column if not exists in_hand bigint[] not null default '{}';
