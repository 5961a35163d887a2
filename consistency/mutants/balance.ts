import type { Mutant } from './mutant.ts';
import { lean, payer, refusedSaga } from './targets.ts';

export const balanceMutants: readonly Mutant[] = [
  {
    code: 'B1',
    does: 'a balance changes without a ledger entry',
    sql: `update balances set amount = amount + 1 where user_id = ${payer}`,
  },
  { code: 'B1', does: 'a balance is gone', sql: `delete from balances where user_id = ${payer}` },
  {
    code: 'B1',
    does: 'a refund forgets the ledger',
    sql: `delete from balance_ledger where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B2',
    does: 'a balance falls below zero, the constraint being there',
    sql: `update balances set amount = -1 where user_id = ${payer}`,
  },
  {
    code: 'B2',
    does: 'a balance falls below zero, the constraint being gone',
    sql: `alter table balances drop constraint balances_amount_check; update balances set amount = -1 where user_id = ${payer}`,
  },
  {
    code: 'B2',
    does: 'a balance was below zero for a moment',
    sql: `update balance_ledger set balance_after = -1 where order_id = ${lean}`,
  },
  {
    code: 'B3',
    does: 'two debits start from the same balance',
    sql: `insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
      select user_id, order_id, kind, amount, balance_after, version from balance_ledger where order_id = ${lean}`,
  },
  {
    code: 'B3',
    does: 'a version is missing',
    sql: `update balance_ledger set version = version + 1 where order_id = ${lean}`,
  },
  { code: 'B3', does: 'a debit adds', sql: `update balance_ledger set amount = -amount where order_id = ${lean}` },
  { code: 'B3', does: 'a second opening', sql: `update balance_ledger set kind = 'OPENING' where order_id = ${lean}` },
  {
    code: 'B4',
    does: 'a version is counted twice',
    sql: `update balances set version = version + 1 where user_id = ${payer}`,
  },
  {
    code: 'B5',
    does: 'a redelivered step debits again',
    sql: `with again as (update balances b set amount = b.amount + l.amount, version = b.version + 1 from balance_ledger l
        where l.order_id = ${lean} and l.kind = 'DEBIT' and b.user_id = l.user_id returning b.user_id, l.order_id, l.amount as taken, b.amount, b.version)
      insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
      select user_id, order_id, 'DEBIT', taken, amount, version from again`,
  },
  {
    code: 'B5',
    does: 'two debits are passed off as a correction',
    sql: `with again as (update balances b set amount = b.amount + l.amount, version = b.version + 1 from balance_ledger l
        where l.order_id = ${lean} and l.kind = 'DEBIT' and b.user_id = l.user_id returning b.user_id, l.id, l.order_id, l.amount as taken, b.amount, b.version),
      entry as (insert into balance_ledger (user_id, order_id, kind, amount, balance_after, version)
        select user_id, order_id, 'DEBIT', taken, amount, version from again returning id)
      insert into balance_correction (wrong_id, counter_id) select again.id, entry.id from again, entry`,
  },
  {
    code: 'B6',
    does: 'a refund of another amount',
    sql: `update balance_ledger set amount = amount - 1 where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B6',
    does: 'a refund to another user',
    sql: `update balance_ledger set user_id = user_id + 1 where kind = 'REFUND' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B6',
    does: 'a refund without a debit',
    sql: `delete from balance_ledger where kind = 'DEBIT' and order_id = ${refusedSaga}`,
  },
  {
    code: 'B7',
    does: 'a debit of another amount',
    sql: `update balance_ledger set amount = amount - 1 where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B7',
    does: 'a debit of another user',
    sql: `update balance_ledger set user_id = user_id + 1 where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B7',
    does: 'a debit of an order that does not exist',
    sql: `update balance_ledger set order_id = 999999999 where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B7',
    does: 'a debit without order',
    sql: `update balance_ledger set order_id = null where kind = 'DEBIT' and order_id = ${lean}`,
  },
  {
    code: 'B8',
    does: 'money from nowhere, in the ledger too',
    sql: `with made as (update balances set amount = amount + 5, version = version where user_id = ${payer})
      update balance_ledger set amount = amount + case version when 0 then 5 else 0 end, balance_after = balance_after + 5 where user_id = ${payer}`,
  },
  { code: 'B8', does: 'a loaded top-up is gone', sql: `delete from balance_ledger where kind = 'TOPUP'` },
];
