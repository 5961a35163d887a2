import { openPool } from '../runtime/database.ts';
import { assertOurs } from '../runtime/databases.ts';
import type { Tx } from '../domain/ports.ts';
import type { Finding } from './check.ts';

/** What the load driver was told about one order. A 202, a time-out, a broken connection or a 5xx is `unknown`. */
export interface ClientEntry {
  readonly orderId: number;
  readonly outcome: 'paid' | 'refused' | 'unknown';
  readonly paymentId?: number;
  readonly code?: string;
}

export interface ClientLogReport {
  /** A1 and A2. */
  readonly perInvariant: readonly Finding[];
  readonly violations: number;
  /** What became of the orders whose outcome the driver never learned. */
  readonly unknown: { readonly paid: number; readonly refused: number; readonly open: number };
}

const sentences = {
  A1: 'What was acknowledged to the client has exactly one completed payment, the one it was told.',
  A2: 'What was refused to the client has no payment, no net debit and nothing net confirmed.',
};

/** Entries per statement: bounds what one statement holds in memory. */
const chunkSize = 50_000;
const sampleSize = 5;

/** Holds the driver's own log against the database, in one snapshot, reading only. Throws NotOursError like `verify`. */
export async function verifyClientLog(
  url: string,
  entries: readonly ClientEntry[],
  signal?: AbortSignal,
): Promise<ClientLogReport> {
  await assertOurs(url);
  const pool = openPool({ url, size: 1, applicationName: 'sagashift-verifier' });
  try {
    return await pool.transaction((tx) => compare(tx, entries, signal), {
      isolation: 'repeatable read',
      readOnly: true,
    });
  } finally {
    await pool.close();
  }
}

async function compare(
  tx: Tx,
  entries: readonly ClientEntry[],
  signal: AbortSignal | undefined,
): Promise<ClientLogReport> {
  const lost: number[] = [];
  const effective: number[] = [];
  const unknown = { paid: 0, refused: 0, open: 0 };
  const count = { paid: 0, refused: 0, unknown: 0 };
  await tx.query(`set local jit = off`);
  for (let from = 0; from < entries.length; from += chunkSize) {
    signal?.throwIfAborted();
    const chunk = entries.slice(from, from + chunkSize);
    for (const { outcome } of chunk) count[outcome] += 1;
    for (const { orderId, is } of await tx.query<Judged>(judgeSql, [
      chunk.map((entry) => entry.orderId),
      chunk.map((entry) => entry.outcome),
      chunk.map((entry) => entry.paymentId ?? null),
    ])) {
      if (is === 'lost') lost.push(orderId);
      else if (is === 'effective') effective.push(orderId);
      else unknown[is] += 1;
    }
  }
  const perInvariant = [finding('A1', count.paid, lost), finding('A2', count.refused, effective)];
  return { perInvariant, violations: lost.length + effective.length, unknown };
}

interface Judged {
  readonly orderId: number;
  readonly is: 'lost' | 'effective' | 'paid' | 'refused' | 'open';
}

/** Rows only for entries that are wrong or unknown. A payment with another id than the driver was told is a lost one. */
const judgeSql = `
  select * from (
    select q.order_id as "orderId", case
        when q.outcome = 'paid' and (p.payments is distinct from 1 or (q.payment_id is not null and p.id is distinct from q.payment_id)) then 'lost'
        when q.outcome = 'refused' and (p.payments <> 0 or m.net <> 0 or s.confirmed <> 0) then 'effective'
        when q.outcome = 'unknown' then case when p.payments > 0 then 'paid' when o.status in ('PENDING', 'PAYING') or o.status is null then 'open' else 'refused' end
      end as is
    from unnest($1::bigint[], $2::text[], $3::bigint[]) q (order_id, outcome, payment_id)
    left join orders o on o.id = q.order_id
    cross join lateral (select count(*) as payments, max(id) as id from payments x where x.order_id = q.order_id and x.status = 'COMPLETED') p
    cross join lateral (
      select coalesce(sum(amount), 0) as net from balance_ledger x where x.order_id = q.order_id and kind in ('DEBIT', 'REFUND')) m
    cross join lateral (
      select coalesce(sum(case kind when 'CONFIRM' then qty when 'UNCONFIRM' then -qty end), 0) as confirmed
      from stock_ledger x where x.order_id = q.order_id and kind in ('CONFIRM', 'UNCONFIRM')) s
  ) judged where "is" is not null order by "orderId"`;

const finding = (code: 'A1' | 'A2', examined: number, wrong: readonly number[]): Finding => ({
  code,
  class: 'I',
  severity: 'money',
  sentence: sentences[code],
  examined,
  violations: wrong.length,
  sample: wrong.slice(0, sampleSize).map((id) => `order ${id}`),
});
