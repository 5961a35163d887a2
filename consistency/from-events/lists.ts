import type { Tx } from '../../domain/ports.ts';
import { engineNames } from '../catalogue/engine-names.ts';
import type { Tally } from './tally.ts';

/**
 * A payment belongs into the list when its stream has been read that far, and only then. Those of the last transaction that was read may
 * be there or not: a batch may have ended among them.
 */
const judged = `
  with position as (
    select coalesce(max(xid) filter (where stream = 'events'), '0') as events, coalesce(max(xid) filter (where stream = 'payments'), '0') as payments
    from projection_position where projection = 'user-payments'
  ), pair as (
    select p.*, l.user_id as listed_user, l.payment_id as listed_id, l.order_id as listed_order, l.amount as listed_amount, l.paid_at as listed_at,
      case when p.engine in ${engineNames.sagas} then position.events else position.payments end as read_to
    from position cross join payments p full join user_payment l on l.payment_id = p.id
  ), judged as (
    select coalesce(id, listed_id) as id, coalesce(order_id, listed_order) as order_id, case
        when id is null or (listed_id is not null and xid > read_to) then true
        when listed_id is null then xid < read_to
        else (user_id, order_id, amount, created_at) is distinct from (listed_user, listed_order, listed_amount, listed_at) end as wrong,
      listed_id is not null or xid < read_to as bound
    from pair
  )`;

/** More would not change what anybody does next. */
const wrongLimit = 100_000;

/** Compares the lists with the payments. */
export async function compareLists(tx: Tx, tally: Tally): Promise<void> {
  const [row] = await tx.query<{ examined: number; wrong: number }>(
    `${judged} select count(*) filter (where bound or wrong) as examined, count(*) filter (where wrong) as wrong from judged`,
  );
  tally.examined('F7', row?.examined ?? 0);
  if ((row?.wrong ?? 0) === 0) return;
  const wrong = await tx.query<{ id: number; order_id: number }>(
    `${judged} select id, order_id from judged where wrong order by id limit ${wrongLimit}`,
  );
  for (const { id, order_id } of wrong) tally.differs('F7', `payment ${id}`, order_id);
}
