import type { Invariant, Subject } from './invariant.ts';

const balance: Subject = {
  name: 'balance',
  key: 'user',
  tables: ['balances', 'balance_ledger'],
  sql: (within) => `
    select coalesce(b.user_id, l.user_id) as id, null::bigint as order_id, null as engine, b.amount, coalesce(l.total, 0) as total
    from (select * from balances where ${within('user_id')}) b
    full join (select user_id, sum(amount) as total from balance_ledger where ${within('user_id')} group by user_id) l on l.user_id = b.user_id`,
};

const entry: Subject = {
  name: 'balance ledger entry',
  key: 'user',
  tables: ['balance_ledger', 'balances'],
  sql: (within) => `
    select l.id, l.order_id, null as engine, l.kind, l.amount, l.balance_after, l.version, b.amount as balance, b.version as balance_version,
      lag(l.balance_after) over w as before, lag(l.version) over w as earlier, lead(l.id) over w is null as is_head
    from balance_ledger l left join balances b on b.user_id = l.user_id
    where ${within('l.user_id')}
    window w as (partition by l.user_id order by l.version, l.id)`,
};

/** Entries that a counter entry has taken back, and those counter entries. A pair that does not cancel is none. */
const corrected = `
    select unnest(array[wrong.id, counter.id]) from balance_correction c
    cross join lateral (select * from balance_ledger where id = c.wrong_id limit 1) wrong
    cross join lateral (select * from balance_ledger where id = c.counter_id limit 1) counter
    where (wrong.user_id, wrong.order_id, wrong.amount) = (counter.user_id, counter.order_id, -counter.amount) and wrong.id < counter.id`;

/** What one order did to balances. Entries that name no order, or none that exists, show as a row without owner. */
const orderMoney: Subject = {
  name: 'money of an order',
  key: 'order',
  tables: ['balance_ledger', 'balance_correction', 'orders'],
  sql: (within) => `
    select coalesce(m.order_id, m.first_id) as id, m.*, o.engine, o.user_id as owner, o.final_amount
    from (
      select order_id, min(id) as first_id, min(user_id) as user_id, max(user_id) as last_user_id,
        count(*) filter (where kind = 'DEBIT') as debits, count(*) filter (where kind = 'REFUND') as refunds,
        -sum(amount) filter (where kind = 'DEBIT') as debited, sum(amount) filter (where kind = 'REFUND') as refunded,
        max(id) filter (where kind = 'DEBIT') as debit_id, min(id) filter (where kind = 'REFUND') as refund_id
      from balance_ledger where kind in ('DEBIT', 'REFUND') and id not in (${corrected}) and ${within('order_id')} group by order_id) m
    left join orders o on o.id = m.order_id`,
};

const loadedMoney: Subject = {
  name: 'loaded money',
  key: 'whole',
  tables: ['sagashift_database', 'balance_ledger'],
  sql: () => `
    select 1 as id, null::bigint as order_id, null as engine, d.dataset is not null as is_loaded, l.opening, l.top_ups,
      (d.dataset->'sums'->>'openingTotal')::numeric as opening_total, (d.dataset->'sums'->>'topUps')::numeric as loaded_top_ups
    from sagashift_database d
    cross join lateral (
      select coalesce(sum(amount) filter (where kind = 'OPENING'), 0) as opening,
        coalesce(sum(amount) filter (where kind = 'TOPUP' and id <= (d.dataset->'counts'->>'balance_ledger')::bigint), 0) as top_ups
      from balance_ledger) l`,
};

export const balanceInvariants: readonly Invariant[] = [
  {
    code: 'B1',
    class: 'I',
    severity: 'money',
    sentence: 'A balance is the sum of its ledger.',
    remedy:
      'Somebody changed `balances` without a ledger entry, or the reverse. The ledger tells what happened; compare its last `balance_after` with the row, then look for the writer by `xid` and time.',
    binds: 'none',
    examines: 'worked on',
    checks: [{ subject: balance, wrong: 'amount is distinct from total' }],
  },
  {
    code: 'B2',
    class: 'I',
    severity: 'money',
    sentence: 'No balance is below zero, in its row or at any point of its ledger.',
    remedy: 'A debit did not check under the row lock. Stop the engine that wrote the entry.',
    binds: 'none',
    examines: 'worked on',
    checks: [
      { subject: balance, wrong: 'amount < 0' },
      { subject: entry, wrong: 'balance_after < 0' },
    ],
  },
  {
    code: 'B3',
    class: 'I',
    severity: 'money',
    sentence:
      'Each ledger entry continues the one before it: balance after and version follow, and its sign is its kind’s (a lost update shows as a fork).',
    remedy:
      'A fork (two entries of one version) is a lost update: two writers read the same balance. See which engines wrote the two orders; one of them does not take the row lock.',
    binds: 'none',
    examines: 'worked on',
    checks: [
      {
        subject: entry,
        wrong: `case when earlier is null then kind not in ('OPENING', 'TOPUP') or balance_after is distinct from amount
          else kind = 'OPENING' or version is distinct from earlier + 1 or balance_after is distinct from before + amount end
          or case when kind = 'DEBIT' then amount > 0 else amount < 0 end`,
      },
    ],
  },
  {
    code: 'B4',
    class: 'I',
    severity: 'money',
    sentence: 'The last ledger entry says what the balance row says: amount and version.',
    remedy:
      'Somebody changed the row or the ledger without the other; when B3 fires too, it is a lost update: see there.',
    binds: 'none',
    examines: 'worked on',
    checks: [
      {
        subject: entry,
        applies: 'is_head',
        wrong: 'balance_after is distinct from balance or version is distinct from balance_version',
      },
    ],
  },
  {
    code: 'B5',
    class: 'I',
    severity: 'money',
    sentence: 'An order is debited at most once and refunded at most once.',
    remedy: 'A redelivered step acted twice: look for the receipt of the boundary in `saga_step_execution`.',
    binds: 'all',
    examines: 'paid',
    checks: [{ subject: orderMoney, wrong: 'debits > 1 or refunds > 1' }],
  },
  {
    code: 'B6',
    class: 'I',
    severity: 'money',
    sentence: 'A refund gives back what was debited before, to the same user.',
    remedy:
      'Correct by a new top-up or debit, never by editing the ledger; then find out where the undo got its amount from (`compensation_data`).',
    binds: 'sagas',
    checks: [
      {
        subject: orderMoney,
        applies: 'refunds > 0',
        wrong: 'refunded is distinct from debited or user_id is distinct from last_user_id or refund_id < debit_id',
      },
    ],
  },
  {
    code: 'B7',
    class: 'I',
    severity: 'money',
    sentence: 'A debit is the order’s final amount, taken from the order’s user.',
    remedy: 'Compare `orders`, `balance_ledger` and the coupon of the order.',
    binds: 'all',
    examines: 'paid',
    checks: [
      {
        subject: orderMoney,
        applies: 'debits > 0',
        wrong:
          'owner is null or debited is distinct from debits * final_amount or user_id is distinct from owner or last_user_id is distinct from owner',
      },
    ],
  },
  {
    code: 'B8',
    class: 'I',
    severity: 'money',
    sentence: 'Opening balances and loaded top-ups are those of the data set’s manifest.',
    remedy:
      'Money came from nowhere or went there: the data was changed after it was loaded. Top-ups made later are not counted.',
    binds: 'none',
    checks: [
      {
        subject: loadedMoney,
        applies: 'is_loaded',
        wrong: 'opening is distinct from opening_total or top_ups is distinct from loaded_top_ups',
      },
    ],
  },
];
