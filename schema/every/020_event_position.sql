-- A reader by position goes by transaction first: see read_events. A BRIN of global_seq served nobody, since ids are given before commit.
drop index event_store_position;
create index event_store_position on event_store (xid, global_seq);
