import type { Tx } from '../../domain/ports.ts';
import type { EngineOrders } from '../order-counts.ts';
import type { Score } from '../score.ts';
import type { Surroundings } from '../surroundings.ts';
import { holdsLock } from './night-lock.ts';
import type { PartFinding, PartResult } from './part.ts';

/** A run that was begun and not ended. */
export interface OpenRun {
  readonly id: number;
  readonly startedAt: string;
  readonly host: string | null;
  readonly pid: number | null;
  readonly catalogue: string | null;
  readonly done: readonly string[];
  readonly hoursOld: number;
}

export interface Worker {
  readonly host: string;
  readonly pid: number;
}

export const findOpenRun = async (tx: Tx): Promise<OpenRun | undefined> =>
  (
    await tx.query<OpenRun>(
      `select r.id, ${utc('r.started_at')} as "startedAt", r.host, r.pid, r.catalogue,
         array(select part from verification_part p where p.run_id = r.id order by taken_at) as done,
         (extract(epoch from now() - r.started_at) / 3600)::float8 as "hoursOld"
       from verification_run r where r.mode = 'nightly' and r.status = 'RUNNING'`,
    )
  )[0];

/** Without `finished_at`: a run that has not looked at everything has nothing to say about what is in order. */
export const abandonRun = (tx: Tx, id: number): Promise<unknown> =>
  tx.query(`update verification_run set status = 'ABANDONED' where id = $1 and status = 'RUNNING'`, [id]);

export async function insertRun(
  tx: Tx,
  { host, pid }: Worker,
  catalogue: string,
  { orders, doubts }: Surroundings,
): Promise<number> {
  const [row] = await tx.query<{ id: number }>(
    `insert into verification_run (mode, status, host, pid, catalogue, orders, doubts)
     values ('nightly', 'RUNNING', $1, $2, $3, $4, $5) returning id`,
    [host, pid, catalogue, JSON.stringify(orders), JSON.stringify(doubts)],
  );
  if (row === undefined) throw new Error('the row of the run was not written');
  return row.id;
}

export async function ordersAtStart(tx: Tx, id: number): Promise<EngineOrders[]> {
  const [row] = await tx.query<{ orders: EngineOrders[] }>('select orders from verification_run where id = $1', [id]);
  return row?.orders ?? [];
}

export const resumeRun = (tx: Tx, id: number, { host, pid }: Worker): Promise<unknown> =>
  tx.query(
    `update verification_run set host = $2, pid = $3, resumed_at = now(), resumptions = resumptions + 1
     where id = $1 and status = 'RUNNING'`,
    [id, host, pid],
  );

export interface DonePart extends PartResult {
  readonly name: string;
  readonly snapshot: string;
  readonly takenAt: string;
  readonly durationMs: number;
}

/** Written by the session that holds the lock, or not at all. */
export async function savePart(tx: Tx, runId: number, part: DonePart): Promise<void> {
  const written = await tx.query(
    `insert into verification_part (run_id, part, snapshot, taken_at, duration_ms, findings, touched_orders, touched_rows)
     select $1, $2, $3, $4::timestamptz, $5, $6, $7::bigint[], $8 where ${holdsLock} returning part`,
    [
      runId,
      part.name,
      part.snapshot,
      part.takenAt,
      part.durationMs,
      JSON.stringify(part.findings),
      part.touchedOrders,
      part.touchedRows,
    ],
  );
  if (written.length === 0) throw lockLost();
}

const lockLost = (): Error => new Error('the session that held the lock of the nightly run was lost');

/** Without the orders that were touched: those are counted where they are. */
export const readParts = (tx: Tx, runId: number): Promise<Omit<DonePart, 'touchedOrders'>[]> =>
  tx.query(
    `select part as name, snapshot, ${utc('taken_at')} as "takenAt", duration_ms as "durationMs", findings, touched_rows as "touchedRows"
     from verification_part where run_id = $1 order by taken_at, part`,
    [runId],
  );

/** Each order once, however many parts it was found in. */
export async function countTouched(tx: Tx, runId: number): Promise<number> {
  const [row] = await tx.query<{ touched: number }>(
    `select (select count(distinct o) from verification_part p, unnest(p.touched_orders) o where p.run_id = $1)
       + coalesce((select sum(touched_rows)::bigint from verification_part where run_id = $1), 0) as touched`,
    [runId],
  );
  return row?.touched ?? 0;
}

export interface Outcome {
  readonly checkedBy: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly score: Score;
  /** Reasons to doubt that came up on the way. */
  readonly doubts: readonly string[];
  readonly broken: readonly (PartFinding & { readonly severity: string; readonly sample: readonly string[] })[];
}

/**
 * The verdict and what it rests on in one statement, so that nobody sees the one without the other. A violation that the nightly
 * run before found too goes on from then: that is how long it has been broken.
 */
export async function finishRun(
  tx: Tx,
  runId: number,
  { checkedBy, violations, score, doubts, broken }: Outcome,
): Promise<void> {
  const finished = await tx.query(
    `with run as (
       update verification_run r
       set status = 'FINISHED', finished_at = clock_timestamp(), checked = $2, violations = $3, checked_by = $4, touched = $5, proven = $6, doubts = doubts || $8::jsonb,
         duration_ms = parts.ms, snapshots = parts.snapshots
       from (select sum(duration_ms) as ms, count(distinct snapshot) as snapshots from verification_part where run_id = $1) parts
       where r.id = $1 and r.status = 'RUNNING' and ${holdsLock}
       returning r.id, r.started_at),
     before as (
       select f.code, f.since from verification_finding f
       where f.run_id = (select max(id) from verification_run where mode = 'nightly' and status = 'FINISHED' and id < $1)),
     finding as (
       insert into verification_finding (run_id, code, severity, violations, sample, examined, violators, since)
       select run.id, b.code, b.severity, b.violations, b.sample, b.examined, b.violators, coalesce(before.since, run.started_at)
       from run cross join jsonb_to_recordset($7) b (code text, severity text, violations bigint, sample jsonb, examined bigint, violators jsonb)
       left join before on before.code = b.code)
     select id from run`,
    [
      runId,
      score.examined,
      violations,
      JSON.stringify(checkedBy),
      score.touched,
      score.lowerBound95,
      JSON.stringify(broken),
      JSON.stringify(doubts),
    ],
  );
  if (finished.length === 0) throw lockLost();
}

/** No night deletes more than this; what is left is deleted the nights after. */
const prunedPerNight = 1_000;

/** Removes runs that began so many days ago, of every mode, and keeps what counters add up. Resolves with how many. */
export async function pruneRuns(tx: Tx, days: number): Promise<number> {
  const [row] = await tx.query<{ pruned: number }>(
    `with old as (
       select id from verification_run where started_at < now() - make_interval(days => $1) and status <> 'RUNNING' order by id limit ${prunedPerNight}),
     sums as (
       select 'checked' as what, coalesce(sum(checked), 0)::bigint as total from verification_run where id in (select id from old)
       union all
       select severity, sum(violations)::bigint from verification_finding where run_id in (select id from old) group by severity),
     kept as (
       insert into verification_pruned as p (what, total) select what, total from sums where total > 0
       on conflict (what) do update set total = p.total + excluded.total),
     gone as (delete from verification_run where id in (select id from old) returning id)
     select count(*) as pruned from gone`,
    [days],
  );
  return row?.pruned ?? 0;
}

/** As in JSON: UTC, milliseconds. */
export const utc = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
