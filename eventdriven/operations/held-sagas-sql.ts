import { silentMs } from '../saga/rescuer.ts';

/**
 * For a `with`: `held (saga_id, worker_id, beat_at)`, what living workers said with their last beat that they have in hand, one worker for each
 * saga. Beats are half a second old at most, so it may lag behind by as much.
 */
export const heldSagas = `held as (
  select distinct on (hand.saga_id) hand.saga_id, h.worker_id, h.beat_at from worker_heartbeat h, unnest(h.in_hand) hand (saga_id)
  where h.beat_at > now() - interval '${silentMs} milliseconds' order by hand.saga_id, h.beat_at desc)`;
