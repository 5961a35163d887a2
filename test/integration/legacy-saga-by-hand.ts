import { microTransactions } from '../../domain/cuts.ts';
import type { Tx } from '../../domain/ports.ts';

interface Payment {
  readonly orderId: number;
  readonly userId: number;
  readonly couponId: number | null;
}
interface Outcome {
  readonly outcome: string;
  readonly user_id: number;
  readonly coupon_id: number | null;
  readonly due: number | null;
  readonly discount: number | null;
  readonly products: number[];
  readonly qtys: number[];
}

const factsOf = `array[row($2::bigint, 1, $3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint[], $9::bigint[], null, null)::payment_facts]`;
const sqlArray = (words: readonly string[]): string => `array[${words.map((word) => `'${word}'`).join(', ')}]`;

/** Pays one order by the saga's SQL functions alone, boundary after boundary, with nothing of the saga engine around them. */
export async function payBySaga(tx: Tx, { orderId, userId, couponId }: Payment): Promise<string> {
  const [accepted] = await tx.query<{ verdict: string; saga_id: number }>(
    `select verdict, saga_id from accept_sagas('orchestration', array[$1::bigint], array[$2::bigint], array[$3::bigint],
       array['saga'], array['pinned'], array[1], array[1], interval '1 minute')`,
    [orderId, userId, couponId],
  );
  if (accepted?.verdict !== 'CLAIMED') return accepted?.verdict ?? 'nothing';
  let known: readonly unknown[] = [accepted.saga_id, orderId, userId, couponId, null, null, null, null];
  for (const { name, no, steps, last, events } of microTransactions) {
    const [row] = await tx.query<Outcome>(
      `select outcome, user_id, coupon_id, due, discount, products, qtys from run_boundary($1, ${no}, ${sqlArray(steps.map((s) => s.name))},
         ${last}, ${sqlArray([events.passed, events.refused])}, 'orchestration', 'w', true, 0, ${factsOf})`,
      [name, ...known],
    );
    if (row === undefined) throw new Error(`${name} answered without a row`);
    known = [accepted.saga_id, orderId, row.user_id, row.coupon_id, row.due, row.discount, row.products, row.qtys];
    if (row.outcome === 'ok') continue;
    if (row.outcome !== 'refused') throw new Error(`${name} answered ${row.outcome}`);
    await undo(tx, known);
    return 'REFUSED';
  }
  return 'PAID';
}

/** Every boundary but the pivot's, whether it was reached or not: the last one's undo gives the stock back. */
async function undo(tx: Tx, known: readonly unknown[]): Promise<void> {
  for (const { name, no, steps, events } of [...microTransactions].reverse()) {
    const [row] = await tx.query<{ outcome: string }>(
      `select outcome from undo_boundary($1, ${no}, ${sqlArray(steps.map((s) => s.name))}, '${events.undone}', 'w', ${factsOf})`,
      [name, ...known],
    );
    if (row?.outcome !== 'ok') throw new Error(`the undo of ${name} answered ${row?.outcome ?? 'nothing'}`);
  }
}
