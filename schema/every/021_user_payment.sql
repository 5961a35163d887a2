-- How far a projection has read a stream. Written in the transaction that writes the projection's rows.
create table projection_position (
  projection text not null,
  stream text not null,
  xid xid8 not null default '0', -- of the last row that was read
  seq bigint not null default 0,
  as_of timestamptz, -- everything that had committed by then is in; null until that can be said
  mark xid8, -- transactions that had ended by mark_at are below it; once all below is read, as_of is mark_at
  mark_at timestamptz,
  primary key (projection, stream)
) with (fillfactor = 50);

-- The payments of a user, newest first, whichever engine paid. A projection: project_user_payments writes it and nobody else.
create table user_payment (
  user_id bigint not null,
  payment_id bigint not null,
  order_id bigint not null,
  amount bigint not null,
  paid_at timestamptz not null,
  primary key (user_id, payment_id)
);

-- Engines without events: their payments are a stream of their own. Those of the sagas are not in it, so it costs them nothing.
create index payments_position on payments (xid, id) where engine not in ('orchestration', 'choreography');
