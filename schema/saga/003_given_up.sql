-- What a person gave up is looked for by people, every second while they watch, among all the sagas there ever were.
create index if not exists saga_state_given_up on saga_state (saga_id) where status = 'FAILED';
