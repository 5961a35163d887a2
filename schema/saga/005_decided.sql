-- Their signatures changed, and `create or replace` would leave the old ones beside the new.
drop function if exists run_boundary(text, int, text[], boolean, text[], text, text, boolean, double precision, payment_facts[]);
drop function if exists record_boundary(text, int, boolean, text[], text, payment_facts[]);

-- Since when the pivot of a saga that goes on after it has passed: there is no way back from there.
alter table saga_state add column if not exists decided_at timestamptz;
