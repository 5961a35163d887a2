import type { Tx } from '../../domain/ports.ts';
import { evolveBalance, type FoldedBalance } from '../../domain/balance/balance-fold.ts';
import type { BalanceSnapshot } from './snapshots.ts';
import { foldedBy, pagesOf } from './cursor.ts';
import type { Tally } from './tally.ts';

interface EntryRow {
  readonly user_id: number;
  readonly amount: number | null;
  readonly version: number | null;
  readonly snapshot_amount: number | null;
  readonly snapshot_version: number | null;
  /** The ledger has an entry of the snapshot's version that says the same amount, and the fold is to begin there. */
  readonly begins_there: boolean;
  readonly entry_amount: number | null;
  readonly balance_after: number | null;
  readonly entry_version: number | null;
}

/**
 * Each balance beside its snapshot and every entry of its ledger, or those that are later than the snapshot. A snapshot that no
 * entry bears out is not begun at: damaged, of another ledger, or by a fold that counted otherwise.
 */
const entriesSql = (fromSnapshots: boolean): string => `
  with usable as materialized (
    select s.user_id, s.version from balance_snapshot s where ${String(fromSnapshots)}
      and exists (select from balance_ledger a where a.user_id = s.user_id and a.version = s.version and a.balance_after = s.amount)
  )
  select coalesce(b.user_id, l.user_id, s.user_id) as user_id, b.amount, b.version, s.amount as snapshot_amount, s.version as snapshot_version,
    u.user_id is not null as begins_there, l.amount as entry_amount, l.balance_after, l.version as entry_version
  from balances b
  full join ${fromSnapshots ? laterEntries : 'balance_ledger'} l on l.user_id = b.user_id
  full join balance_snapshot s on s.user_id = coalesce(b.user_id, l.user_id)
  left join usable u on u.user_id = s.user_id
  order by 1, l.version, l.id`;
const laterEntries = `(
    select l.* from balance_ledger l left join usable u on u.user_id = l.user_id
    where u.user_id is null or l.version > u.version)`;

export interface BalanceOptions {
  readonly fromSnapshots: boolean;
  /** Hears of each balance that is as it should be and has so many entries since its snapshot. */
  readonly onProven?: (snapshot: BalanceSnapshot, entries: number) => Promise<void>;
}

/** Folds the ledger of every balance, from nothing or from its snapshot, and compares; the snapshots, too. */
export async function compareBalances(
  tx: Tx,
  tally: Tally,
  { fromSnapshots, onProven }: BalanceOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pages = pagesOf<EntryRow>(tx, entriesSql(fromSnapshots), signal);
  const begin = (row: EntryRow): Fold => ({
    row,
    folded: row.begins_there ? snapshotOf(row) : undefined,
    atSnapshot: undefined,
    later: 0,
  });
  for await (const { row, folded, atSnapshot, later } of foldedBy(pages, ({ user_id }) => user_id, begin, step)) {
    tally.examined('F4');
    const same = isSame(folded, row);
    if (!same) tally.differs('F4', `balance ${row.user_id}`, null);
    const borneOut = fromSnapshots ? row.begins_there : atSnapshot === row.snapshot_amount;
    const proven = row.snapshot_version === null || borneOut;
    if (row.snapshot_version !== null) {
      tally.examined('F6');
      if (!proven) tally.differs('F6', `snapshot of balance ${row.user_id}`, null);
    }
    if (same && folded) await onProven?.({ userId: row.user_id, ...folded }, proven ? later : Infinity);
  }
}

const snapshotOf = ({ snapshot_amount: amount, snapshot_version: version }: EntryRow): FoldedBalance | undefined =>
  amount === null || version === null ? undefined : { amount, version };

interface Fold {
  /** Any of its rows: balance and snapshot stand in each. */
  readonly row: EntryRow;
  /** Undefined: there is nothing to fold. Null: the entries do not follow each other. */
  readonly folded: FoldedBalance | undefined | null;
  /** The amount when the ledger was at the snapshot's version; undefined when it never was. */
  readonly atSnapshot: number | undefined;
  /** Entries after the snapshot. */
  readonly later: number;
}

function step(fold: Fold, entry: EntryRow): Fold {
  const { entry_amount: amount, balance_after, entry_version: version, snapshot_version } = entry;
  if (amount === null || balance_after === null || version === null) return fold; // a balance without entries
  if (fold.folded === null) return fold;
  const folded = evolveBalance(fold.folded, { amount, balanceAfter: balance_after, version }) ?? null;
  return {
    row: entry,
    folded,
    atSnapshot: version === snapshot_version ? folded?.amount : fold.atSnapshot,
    later: fold.later + Number(snapshot_version === null || version > snapshot_version),
  };
}

/** A balance of nothing needs no ledger. */
const isSame = (folded: FoldedBalance | undefined | null, { amount, version }: EntryRow): boolean =>
  folded === undefined ? amount === 0 : folded !== null && folded.amount === amount && folded.version === version;
