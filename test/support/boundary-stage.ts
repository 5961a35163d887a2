import type { Outcome, Saga } from '../../eventdriven/saga/saga.ts';
import type { Pool } from '../../runtime/database.ts';
import { accept, doors } from './sagas.ts';
import { shop, type Shop } from './shop.ts';

/** The seed's four boundaries, counted from 0. */
export const [ORDER, BALANCE, STOCK, PAYMENT] = [0, 1, 2, 3] as const;

export const said = (outcomes: readonly { readonly outcome: string }[]) => outcomes.map(({ outcome }) => outcome);

/** The refusal's code, or the outcome. */
export const codeOf = (out: Outcome | undefined) => (out?.outcome === 'refused' ? out.code : out?.outcome);

/** The boundaries called one by one on a database, and looks at what they wrote. */
export function boundaryStage(db: Pool) {
  const make = shop(db);
  const door = doors(db);
  const one = async <Row>(text: string, id: number): Promise<Row> => (await db.query<Row>(text, [id]))[0] as Row;
  return {
    make,
    door,
    one,
    balanceOf: async (userId: number) =>
      (await one<{ amount: number }>('select amount from balances where user_id = $1', userId)).amount,
    orderOf: (orderId: number) =>
      one<object>('select status, refusal_code, final_amount, discount_amount from orders where id = $1', orderId),
    stockOf: (productId: number) =>
      one<object>('select available, reserved from stocks where product_id = $1', productId),

    async receiptsOf({ sagaId }: Saga): Promise<string[]> {
      const rows = await db.query<{ receipt: string }>(
        `select concat_ws(' ', step_name, op, status, error_message) as receipt from saga_step_execution
         where saga_id = $1 order by step_no, op desc`,
        [sagaId],
      );
      return rows.map(({ receipt }) => receipt);
    },

    /** One payment before boundary `at`, with all it needs. */
    async before(at: number, options?: Parameters<Shop['payable']>[0]) {
      const order = await make.payable({ balance: 1_000, price: 300, stock: 10, ...options });
      const [saga] = await door.pass(await accept(db, [order]), at);
      return { order, saga: saga as Saga };
    },

    /** Works while another session holds a row, named as in `balances where user_id`. */
    async holding<T>(lock: string, id: number, work: () => Promise<T>): Promise<T> {
      return db.transaction(async (tx) => {
        await tx.query(`select from ${lock} = $1 for update`, [id]);
        return work();
      });
    },
  };
}

export type BoundaryStage = ReturnType<typeof boundaryStage>;
