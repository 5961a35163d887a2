-- Appends events to many streams, all or nothing. One row of the arrays is one event; those of a stream follow each other in array order.
-- expected: the version its stream must have before (0: there is none), the same for all its events.
-- SR002 when a stream is at another version, with {aggregate, expected, actual} of each in DETAIL; nothing is written then.
-- 40001 when a stream was written by a transaction that began after this one: readers go by transaction, so events would change places. Try again.
create or replace function append_events(aggregates text[], expected int[], types text[], payloads jsonb[]) returns table (
  aggregate_id text, sequence_number int, global_seq bigint
) language plpgsql as $$
#variable_conflict use_column
declare wrong jsonb; own xid8 := pg_current_xact_id(); late boolean; written bigint;
begin
  select jsonb_agg(jsonb_build_object('aggregate', a.aggregate, 'expected', a.expected, 'actual', coalesce(h.version, 0)) order by a.aggregate)
      filter (where coalesce(h.version, 0) is distinct from a.expected), coalesce(bool_or(h.xid > own), false)
  into wrong, late
  from (select distinct * from unnest(aggregates, expected) q (aggregate, expected)) a
  left join lateral (
    select e.sequence_number as version, e.xid from event_store e where e.aggregate_id = a.aggregate order by e.sequence_number desc limit 1) h on true;

  if wrong is null and late then
    raise exception 'a later transaction has written to the same stream' using errcode = '40001';
  end if;
  if wrong is null then
    return query
      insert into event_store as e (aggregate_id, sequence_number, event_type, event_data)
      select q.aggregate, q.expected + row_number() over (partition by q.aggregate order by q.n), q.type, q.payload
      from unnest(aggregates, expected, types, payloads) with ordinality q (aggregate, expected, type, payload, n) order by q.n
      on conflict do nothing returning e.aggregate_id, e.sequence_number, e.global_seq;
    get diagnostics written = row_count;
    if written = cardinality(aggregates) then return; end if;
    -- Somebody was faster: this statement's snapshot sees what the insert stumbled over.
    select jsonb_agg(jsonb_build_object('aggregate', a.aggregate, 'expected', a.expected, 'actual', h.version) order by a.aggregate) into wrong
    from (select distinct * from unnest(aggregates, expected) q (aggregate, expected)) a
    cross join lateral (select max(e.sequence_number) as version from event_store e where e.aggregate_id = a.aggregate and e.xid <> own) h
    where h.version > a.expected;
  end if;
  raise exception 'wrong expected version' using errcode = 'SR002', detail = coalesce(wrong, '[]')::text;
end $$;
