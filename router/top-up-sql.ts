import type { Tx } from '../domain/ports.ts';

export interface TopUpRow {
  readonly userId: number;
  readonly amount: number;
  readonly balanceAfter: number;
}

/**
 * Adds the money; undefined when there is no such user, or when the balance would leave what a number holds exactly.
 * Rejects with a unique violation (23505), which undoes the whole statement, when the key has been used.
 */
export async function addTopUp(tx: Tx, key: string, userId: number, amount: number): Promise<TopUpRow | undefined> {
  const [row] = await tx.query<TopUpRow>(
    `with credit as (
       insert into balances (user_id, amount, version) select u.id, $3::bigint, 1 from users u where u.id = $2::bigint
       on conflict (user_id) do update set amount = balances.amount + excluded.amount, version = balances.version + 1
         where balances.amount <= ${Number.MAX_SAFE_INTEGER} - excluded.amount
       returning user_id, amount, version
     ), ledger as (
       insert into balance_ledger (user_id, kind, amount, balance_after, version)
       select user_id, 'TOPUP', $3::bigint, amount, version from credit returning id, user_id, balance_after
     )
     insert into top_up (key, user_id, amount, ledger_id, balance_after)
     select $1::text, user_id, $3::bigint, id, balance_after from ledger
     returning user_id as "userId", amount, balance_after as "balanceAfter"`,
    [key, userId, amount],
  );
  return row;
}

export async function readTopUp(tx: Tx, key: string): Promise<TopUpRow | undefined> {
  const [row] = await tx.query<TopUpRow>(
    'select user_id as "userId", amount, balance_after as "balanceAfter" from top_up where key = $1',
    [key],
  );
  return row;
}

export const userExists = async (tx: Tx, userId: number): Promise<boolean> =>
  (await tx.query('select from users where id = $1', [userId])).length > 0;
