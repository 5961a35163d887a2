import { readFile } from 'node:fs/promises';
import type { Tx } from '../../../domain/ports.ts';

interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const running: Edit = {
  file: 'eventdriven/saga/run-boundary.sql',
  from: "and s.status = 'RUNNING'",
  to: '',
};
const doneReceipt: Edit = {
  file: 'eventdriven/saga/run-boundary.sql',
  from: "select coalesce(array_agg(r.saga_id), '{}') into fresh from receipt r;",
  to: "select coalesce(array_agg(f.saga_id), '{}') into fresh from unnest(mine) f where f.code is null;",
};
const undoneReceipt: Edit = {
  file: 'eventdriven/saga/undo-boundary.sql',
  from: "select coalesce(array_agg(u.saga_id), '{}') into fresh from undo u;",
  to: 'select open into fresh;',
};
const voiding: Edit = {
  file: 'eventdriven/saga/undo-boundary.sql',
  from: "'FAILED', 'voided' from undo u",
  to: "'FAILED', 'voided' from undo u where false",
};

/** Each switches mechanisms off. The schedules are worth something only if they see it. */
export const mutants = {
  'receipts off': [doneReceipt],
  'the undo does not look for its own receipt': [undoneReceipt],
  'the status fence is off': [running],
  'a late action finds neither status nor receipt': [running, voiding],
  'a refund forgets the ledger': [
    {
      file: 'domain/balance/deduct-balance.sql',
      from: "'REFUND', due, after, version from back order by n",
      to: "'REFUND', due, after, version from back where false order by n",
    },
  ],
  'a deadline forgets which stock to give back': [
    {
      file: 'eventdriven/saga/rescue-sagas.sql',
      from: "s.saga_id = any(turning) and s.current_step = 'accepted'",
      to: "s.saga_id = any(turning) and s.current_step = 'never'",
    },
  ],
  'a deadline turns what is final': [
    {
      file: 'eventdriven/saga/rescue-sagas.sql',
      from: "where d.status in ('RUNNING', 'COMPENSATING') and d.saga_type = engine",
      to: 'where d.saga_type = engine',
    },
    {
      file: 'eventdriven/saga/rescue-sagas.sql',
      from: "when d.status = 'RUNNING' and d.deadline_at <= now() then true",
      to: 'when d.deadline_at <= now() then true',
    },
    {
      file: 'eventdriven/saga/rescue-sagas.sql',
      from: "d.status = 'RUNNING' and d.deadline_at <= now() as late",
      to: 'd.deadline_at <= now() as late',
    },
    {
      file: 'eventdriven/saga/rescue-sagas.sql',
      from: "s.saga_id = any(sagas) and s.status = 'RUNNING' and s.decided_at is null order by",
      to: 's.saga_id = any(sagas) order by',
    },
  ],
  'a coupon is not given back': [
    {
      file: 'domain/coupon/apply-coupon.sql',
      from: "set status = 'ISSUED', used_order_id = null",
      to: 'set coupon_id = u.coupon_id',
    },
  ],
  'stock is confirmed without a look at the reservation': [
    { file: 'domain/product/confirm-stock.sql', from: 'bool_and(l.live >= i.qty)', to: 'bool_and(l.live is not null)' },
  ],
} satisfies Record<string, readonly Edit[]>;

export type Mutant = keyof typeof mutants;

/** Throws when a pattern is not there: an edit that changes nothing tests nothing. */
export async function mutate(tx: Tx, mutant: Mutant): Promise<void> {
  const edits: readonly Edit[] = mutants[mutant];
  for (const file of new Set(edits.map((edit) => edit.file))) {
    let sql = await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8');
    for (const { from, to } of edits.filter((edit) => edit.file === file)) {
      if (sql.split(from).length !== 2) throw new Error(`mutant '${mutant}': '${from}' is not once in ${file}`);
      sql = sql.replace(from, () => to);
    }
    await tx.query(sql);
  }
}
