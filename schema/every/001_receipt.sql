-- The receipt: a boundary's effect and this row commit together, and its key is its identity.
-- EXECUTE: SUCCESS, or FAILED with the refusal's code, or FAILED 'voided' when the undo came first.
-- COMPENSATE: COMPENSATED when there was an effect to undo, SUCCESS when there was none.
create table saga_step_execution (
  id bigint generated always as identity,
  saga_id bigint not null,
  step_name text not null,
  step_no int not null,
  op text not null check (op in ('EXECUTE', 'COMPENSATE')),
  status text not null check (status in ('SUCCESS', 'FAILED', 'COMPENSATED')),
  input_data jsonb,
  output_data jsonb,
  error_message text,
  executed_at timestamptz not null default now(),
  primary key (saga_id, step_name, op)
);
