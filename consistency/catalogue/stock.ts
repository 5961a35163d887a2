import type { Invariant, Subject } from './invariant.ts';

const stock: Subject = {
  name: 'stock',
  key: 'product',
  tables: ['stocks', 'stock_ledger', 'orders'],
  sql: (within) => `
    select coalesce(s.product_id, l.product_id) as id, null::bigint as order_id, null as engine, s.available, s.reserved,
      coalesce(l.available, 0) as folded_available, coalesce(l.reserved, 0) as folded_reserved, coalesce(l.pending, 0) as pending,
      coalesce(l.misfits, 0) as misfits
    from (select * from stocks where ${within('product_id')}) s
    full join (
      select product_id, sum(available) as available, sum(reserved) as reserved,
        sum(reserved) filter (where order_id in (select id from orders where status = 'PENDING')) as pending,
        count(*) filter (where (kind = 'RESTOCK') is distinct from (order_id is null)) as misfits
      from (
        select product_id, order_id, kind,
          case kind when 'RESTOCK' then qty when 'RESERVE' then -qty when 'RELEASE' then qty else 0 end as available,
          case kind when 'RESTOCK' then 0 when 'RESERVE' then qty when 'UNCONFIRM' then qty else -qty end as reserved
        from stock_ledger where ${within('product_id')}) m
      group by product_id) l on l.product_id = s.product_id`,
};

/** One line of an order and what happened to its stock. */
const movement: Subject = {
  name: 'stock of an order line',
  key: 'order',
  tables: ['order_items', 'stock_ledger', 'orders'],
  sql: (within) => `
    select coalesce(m.order_id, i.order_id) || '/' || coalesce(m.product_id, i.product_id) as id, coalesce(m.order_id, i.order_id) as order_id, i.engine,
      i.qty, m.least_qty, m.most_qty, coalesce(m.reserves, 0) as reserves, coalesce(m.confirms, 0) as confirms,
      coalesce(m.unconfirms, 0) as unconfirms, coalesce(m.releases, 0) as releases
    from (select l.*, o.engine from order_items l left join orders o on o.id = l.order_id where ${within('l.order_id')}) i
    full join (
      select order_id, product_id, min(qty) as least_qty, max(qty) as most_qty,
        count(*) filter (where kind = 'RESERVE') as reserves, count(*) filter (where kind = 'CONFIRM') as confirms,
        count(*) filter (where kind = 'UNCONFIRM') as unconfirms, count(*) filter (where kind = 'RELEASE') as releases
      from stock_ledger where order_id is not null and ${within('order_id')} group by order_id, product_id) m
    on m.order_id = i.order_id and m.product_id = i.product_id`,
};

const moved = 'least_qty is not null';

export const stockInvariants: readonly Invariant[] = [
  {
    code: 'S1',
    class: 'I',
    severity: 'stock',
    sentence: 'Neither available nor reserved stock is below zero.',
    remedy: 'A change was not conditional.',
    binds: 'none',
    examines: 'worked on',
    checks: [{ subject: stock, wrong: 'available < 0 or reserved < 0' }],
  },
  {
    code: 'S2',
    class: 'I',
    severity: 'stock',
    sentence: 'Available stock is the fold of the product’s ledger.',
    remedy:
      'Somebody changed `stocks` without a ledger entry, or the reverse: the ledger tells what happened. `npm run verify -- --repair` sets the row by it where the ledger is whole.',
    binds: 'none',
    examines: 'worked on',
    checks: [{ subject: stock, wrong: 'available is distinct from folded_available' }],
  },
  {
    code: 'S3',
    class: 'I',
    severity: 'stock',
    sentence: 'Reserved stock is the fold of the product’s ledger.',
    remedy:
      'Above the fold: a confirmation was lost, the mark of an engine that reads, then writes absolute values without a row lock.',
    binds: 'none',
    examines: 'worked on',
    checks: [{ subject: stock, wrong: 'reserved is distinct from folded_reserved' }],
  },
  {
    code: 'S4',
    class: 'I',
    severity: 'stock',
    sentence: 'An order line is reserved, confirmed, unconfirmed and released at most once each.',
    remedy: 'A redelivered step acted twice: look for the receipt of the boundary in `saga_step_execution`.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      { subject: movement, applies: moved, wrong: 'reserves > 1 or confirms > 1 or unconfirms > 1 or releases > 1' },
    ],
  },
  {
    code: 'S5',
    class: 'I',
    severity: 'stock',
    sentence: 'Every movement of an order’s stock has the quantity of one of its lines; only restocking has no order.',
    remedy: 'Compare `order_items` and `stock_ledger` of the order.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      { subject: movement, applies: moved, wrong: 'least_qty is distinct from qty or most_qty is distinct from qty' },
      { subject: stock, wrong: 'misfits > 0' },
    ],
  },
  {
    code: 'S6',
    class: 'I',
    severity: 'stock',
    sentence:
      'What is confirmed was reserved, what is unconfirmed was confirmed, and nothing is both released and confirmed.',
    remedy: 'A lapse and a confirmation crossed: whoever releases must hold the stock row’s lock.',
    binds: 'all',
    examines: 'worked on',
    checks: [
      {
        subject: movement,
        applies: moved,
        wrong: `confirms > reserves or unconfirms > confirms or releases > reserves or (releases > 0 and confirms > unconfirms)`,
      },
    ],
  },
  {
    code: 'S7',
    class: 'Q',
    severity: 'stock',
    sentence: 'When drained, only PENDING orders hold reservations.',
    remedy: 'A refusal forgot to give stock back: see P5 for the order.',
    binds: 'none',
    examines: 'worked on',
    checks: [{ subject: stock, wrong: 'reserved is distinct from pending' }],
  },
];
