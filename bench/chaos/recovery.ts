import type { Tx } from '../../domain/ports.ts';

/** Of one saga, in ms of the database's clock. A saga counts as final from the start of the transaction that made it so. */
export interface SagaTimes {
  readonly acceptedAt: number;
  /** Null: it is still open. */
  readonly finalAt: number | null;
}

export interface Recovery {
  /** Sagas that became final per second before the fault. */
  readonly beforePerSecond: number;
  /** From the fault to the first final from which on one second holds 80 % of the rate before; null: not while load came, or none ended before. */
  readonly restoredSeconds: number | null;
  /** From the fault until the last saga that was open at it was final; null: one never was. */
  readonly zeroOpenSeconds: number | null;
  /** From the fault until what had to be replaced was there again; 0: nothing had to. */
  readonly replacedSeconds: number;
  /** Over all sagas that ended after the fault: from when that was there, or from being accepted if that was later. */
  readonly p99Seconds: number | null;
  readonly notFinal: number;
}

/** What counts as back. */
const restoredShare = 0.8;
/** The rate before is taken over so many ms, less when the load is younger. */
const lookBackMs = 2_000;

/** In ms of the same clock as the sagas' times. */
interface Moments {
  readonly faultAt: number;
  readonly replacedAt: number;
  readonly loadFrom: number;
  readonly loadTo: number;
}

export function recoveryOf(sagas: readonly SagaTimes[], { faultAt, replacedAt, loadFrom, loadTo }: Moments): Recovery {
  const finals = sagas.flatMap(({ finalAt }) => (finalAt === null ? [] : [finalAt])).sort((a, b) => a - b);
  const within = (from: number, to: number) => finals.filter((at) => at >= from && at < to).length;
  const from = Math.max(loadFrom, faultAt - lookBackMs);
  const beforePerSecond = faultAt > from ? (within(from, faultAt) * 1_000) / (faultAt - from) : 0;
  const open = openAt(sagas, faultAt);
  const after = sagas.flatMap(({ acceptedAt, finalAt }) =>
    finalAt === null || finalAt < faultAt ? [] : [Math.max(0, finalAt - Math.max(acceptedAt, replacedAt))],
  );
  const isBack = (at: number): boolean => within(at, at + 1_000) >= restoredShare * beforePerSecond;
  const back =
    beforePerSecond > 0 ? finals.find((at) => at >= faultAt && at + 1_000 <= loadTo && isBack(at)) : undefined;
  const lastOpen = open.reduce((last, { finalAt }) => Math.max(last, finalAt ?? Infinity), faultAt);
  return {
    beforePerSecond,
    restoredSeconds: back === undefined ? null : (back - faultAt) / 1_000,
    zeroOpenSeconds: Number.isFinite(lastOpen) ? (lastOpen - faultAt) / 1_000 : null,
    replacedSeconds: (replacedAt - faultAt) / 1_000,
    p99Seconds: percentile99(after),
    notFinal: sagas.filter(({ finalAt }) => finalAt === null).length,
  };
}

/** Accepted by then, and not final. */
export const openAt = (sagas: readonly SagaTimes[], at: number): readonly SagaTimes[] =>
  sagas.filter(({ acceptedAt, finalAt }) => acceptedAt <= at && (finalAt ?? Infinity) >= at);

function percentile99(ms: readonly number[]): number | null {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = sorted[Math.max(0, Math.ceil(sorted.length * 0.99) - 1)];
  return at === undefined ? null : at / 1_000;
}

/** Of the sagas of these orders. */
export const sagaTimes = (tx: Tx, from: number, to: number): Promise<SagaTimes[]> =>
  tx.query<SagaTimes>(
    `select extract(epoch from created_at)::float8 * 1000 as "acceptedAt",
      case when status in ('COMPLETED', 'COMPENSATED', 'FAILED') then extract(epoch from updated_at)::float8 * 1000 end as "finalAt"
    from saga_state where order_id between $1 and $2`,
    [from, to],
  );

/** The sagas that are open, and when that was, in ms of the database's clock. */
export interface OpenNow {
  readonly open: number;
  readonly at: number;
}

const openNowSql = `select count(*) as open, extract(epoch from clock_timestamp())::float8 * 1000 as at
  from saga_state where status in ('RUNNING', 'COMPENSATING')`;

export async function openNow(tx: Tx): Promise<OpenNow> {
  const [row] = await tx.query<OpenNow>(openNowSql);
  return row ?? { open: 0, at: 0 };
}

/** Counts the open sagas and ends every session of the engines in one statement: between the two nothing moves. */
export async function endSessions(tx: Tx): Promise<OpenNow & { readonly ended: number }> {
  const [row] = await tx.query<OpenNow & { readonly ended: number }>(
    `with now_open as materialized (${openNowSql})
    select open, at, (select count(*) from pg_stat_activity
      where datname = current_database() and application_name like 'sagashift%' and application_name not like 'sagashift-bench%'
        and pid <> pg_backend_pid() and open >= 0 and pg_terminate_backend(pid)) as ended
    from now_open`,
  );
  return row ?? { open: 0, at: 0, ended: 0 };
}
