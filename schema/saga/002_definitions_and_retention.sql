-- Their signatures changed, and `create or replace` would leave the old ones beside the new.
drop function if exists accept_sagas(text, bigint[], bigint[], bigint[], text[], text[], int[], bigint[], interval);
drop function if exists rescue_sagas(text, text, bigint[], int, interval, interval);

-- Since when the receipts of a final saga are gone; what an invariant says of receipts binds the others.
alter table saga_state add column if not exists pruned_at timestamptz;
