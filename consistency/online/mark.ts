import type { Tx } from '../../domain/ports.ts';
import { oneRow } from '../one-row.ts';

/** Tables whose rows are only ever added: their ids grow with time, so that what is new is at the end of the primary key. */
const appended = {
  balance_ledger: 'id',
  stock_ledger: 'id',
  payments: 'id',
  external_event_log: 'event_id',
} as const;
type Appended = keyof typeof appended;

/** A moment of the database: whose changes could be seen, and how far the tables were filled. */
export interface Mark {
  /** As Postgres writes it. A row is new when its transaction is not visible in the snapshot before. */
  readonly snapshot: string;
  /** Transactions below had ended. */
  readonly xmin: bigint;
  /** None from here on had begun. */
  readonly xmax: bigint;
  readonly lastIds: Readonly<Record<Appended, number>>;
}

const lastId = (table: Appended): string => `(select coalesce(max(${appended[table]}), 0) from ${table}) as ${table}`;
const tables = Object.keys(appended) as Appended[];

export async function readMark(tx: Tx): Promise<Mark> {
  const rows = await tx.query<{ snapshot: string; xmin: string; xmax: string } & Record<Appended, number>>(
    `select s::text as snapshot, pg_snapshot_xmin(s)::text as xmin, pg_snapshot_xmax(s)::text as xmax, ${tables.map(lastId).join(', ')}
     from pg_current_snapshot() s`,
  );
  const { snapshot, xmin, xmax, ...lastIds } = oneRow(rows);
  return { snapshot, xmin: BigInt(xmin), xmax: BigInt(xmax), lastIds };
}

/** Never without one: the last is that of the last cycle. */
export type Marks = readonly [Mark, ...Mark[]];

/** Where to begin to read. */
export interface Floor {
  /** Below every row that was not visible at the last mark. */
  readonly ids: Pick<Mark['lastIds'], 'balance_ledger' | 'stock_ledger' | 'payments'>;
  /** Below every row of the transactions that have begun since, and perhaps not below those of older ones. */
  readonly recent: Pick<Mark, 'xmax' | 'lastIds'>;
}

const atTheBeginning: Floor['ids'] = { balance_ledger: 0, stock_ledger: 0, payments: 0 };

/**
 * A transaction that begins after a mark draws larger ids than were visible then: the latest mark that is older than every
 * transaction that was open at the last. Postgres draws the id of a row a moment before the transaction has its own: one mark
 * more lies between, so that this moment would have to last a whole cycle. Without marks enough, the ledgers are read whole.
 */
export function floorFor(marks: Marks): Floor {
  const last = lastOf(marks);
  const before = marks.findLastIndex(({ xmax }) => xmax <= last.xmin);
  const mark = marks[before - 1];
  return { ids: mark?.lastIds ?? atTheBeginning, recent: mark ?? marks[0] };
}

export const lastOf = (marks: Marks): Mark => marks.at(-1) ?? marks[0];

const keptMarks = 1_000;

/** Without those that no floor can come from any more. A transaction that is open for hours makes the floor older, not the list longer. */
export function withMark(marks: Marks, mark: Mark): Marks {
  const before = marks.findLastIndex(({ xmax }) => xmax <= mark.xmin);
  const from = Math.max(0, before - 1);
  const younger = [...marks.slice(from + 1), mark];
  const oldest = marks[from] ?? mark;
  return [
    oldest,
    ...(younger.length < keptMarks ? younger : [...younger.slice(0, 1), ...younger.slice(-keptMarks / 2)]),
  ];
}
