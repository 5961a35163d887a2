import type { Tx } from '../../domain/ports.ts';

/** Of what sagas pay, and of engines that write no events. */
export const paymentStreams = ['events', 'payments'] as const;
export type PaymentStream = (typeof paymentStreams)[number];

export interface Projected {
  /** `busy`: another projector has it in hand. */
  readonly outcome: 'behind' | 'caught-up' | 'busy';
  readonly rowsRead: number;
  /** Everything that had committed by then is in; null while nobody can say. */
  readonly asOf: Date | null;
}

/** One batch of a stream and the position with it. */
export async function projectUserPayments(tx: Tx, stream: PaymentStream, max: number): Promise<Projected> {
  const [row] = await tx.query<Projected>(
    'select outcome, rows_read as "rowsRead", as_of as "asOf" from project_user_payments($1, $2)',
    [stream, max],
  );
  if (row === undefined) throw new Error('project_user_payments gave no answer');
  return row;
}

/** Takes the positions, for which it waits so long at most (else 55P03), and forgets what was projected. Who projects meanwhile finds them taken. */
export async function forgetUserPayments(tx: Tx, patienceMs: number): Promise<void> {
  await tx.query(`select set_config('lock_timeout', $1, true)`, [`${patienceMs}ms`]);
  await tx.query(
    `insert into projection_position (projection, stream) select 'user-payments', s from unnest($1::text[]) s order by s
     on conflict (projection, stream) do update set xid = '0', seq = 0, as_of = null, mark = null, mark_at = null`,
    [[...paymentStreams]],
  );
  await tx.query('delete from user_payment');
}

/** Whether a stream has rows of transactions that this server has not begun. */
export async function hasForeignTransactions(tx: Tx): Promise<boolean> {
  const [row] = await tx.query<{ foreign: boolean }>(
    `select exists (select from event_store where xid >= pg_snapshot_xmax(pg_current_snapshot()))
       or exists (select from payments where xid >= pg_snapshot_xmax(pg_current_snapshot())
         and engine not in ('orchestration', 'choreography')) as foreign`,
  );
  return row?.foreign ?? false;
}

export interface StreamPosition {
  readonly stream: string;
  readonly xid: string;
  readonly seq: number;
  readonly asOf: Date | null;
  readonly ageSeconds: number | null;
}

export const userPaymentsPositions = (tx: Tx): Promise<StreamPosition[]> =>
  tx.query<StreamPosition>(
    `select stream, xid::text as xid, seq, as_of as "asOf", extract(epoch from clock_timestamp() - as_of)::float8 as "ageSeconds"
     from projection_position where projection = 'user-payments' order by stream`,
  );
