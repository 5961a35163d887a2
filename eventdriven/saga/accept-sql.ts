import type { RefusalCode, UnchangedCode } from '../../domain/errors.ts';
import type { FinalAnswer, PayOrder, RouteReason, Side } from '../../domain/payment-engine.ts';
import type { Tx } from '../../domain/ports.ts';

/** What accepting one payment came to. */
export type Accepted =
  | { readonly verdict: 'CLAIMED'; readonly sagaId: number }
  | { readonly verdict: 'EMERGENCY' }
  | { readonly verdict: 'FINAL'; readonly answer: FinalAnswer }
  | { readonly verdict: 'UNCHANGED'; readonly code: UnchangedCode; readonly sagaId: number | null };

interface Row {
  readonly order_id: number;
  readonly verdict: 'CLAIMED' | 'EMERGENCY' | 'PAID' | 'REFUSED' | UnchangedCode;
  readonly side: Side;
  readonly reason: RouteReason;
  readonly bucket: number;
  readonly config_version: number;
  readonly engine_name: string;
  readonly refusal: RefusalCode | null;
  readonly payment_id: number | null;
  readonly amount: number | null;
  readonly saga_id: number | null;
}

/**
 * Route and saga of every payment of the batch, in one transaction. Orders must differ; answers in the same order. The sagas
 * run by this version of their definition, until `deadlineMs` from now.
 */
export async function acceptSagas(
  tx: Tx,
  engine: string,
  commands: readonly PayOrder[],
  deadlineMs: number,
  version: number,
): Promise<readonly Accepted[]> {
  const rows = await tx.query<Row>('select * from accept_sagas($1, $2, $3, $4, $5, $6, $7, $8, $9::interval, $10)', [
    engine,
    commands.map((c) => c.orderId),
    commands.map((c) => c.userId),
    commands.map((c) => c.couponId),
    commands.map((c) => c.route.side),
    commands.map((c) => c.route.reason),
    commands.map((c) => c.route.bucket),
    commands.map((c) => c.route.version),
    `${deadlineMs} ms`,
    version,
  ]);
  const byOrder = new Map(rows.map((row) => [row.order_id, row]));
  return commands.map((command) => toAccepted(byOrder.get(command.orderId)));
}

function toAccepted(row: Row | undefined): Accepted {
  if (row === undefined) return { verdict: 'UNCHANGED', code: 'ORDER_NOT_FOUND', sagaId: null };
  const { verdict } = row;
  if (verdict === 'EMERGENCY') return { verdict };
  if (verdict === 'CLAIMED') return { verdict, sagaId: row.saga_id as number };
  if (verdict !== 'PAID' && verdict !== 'REFUSED') return { verdict: 'UNCHANGED', code: verdict, sagaId: row.saga_id };
  const route = { side: row.side, reason: row.reason, bucket: row.bucket, version: row.config_version };
  const shared = {
    engine: row.engine_name,
    route,
    replayed: true,
    ...(row.saga_id !== null && { sagaId: row.saga_id }),
  };
  return {
    verdict: 'FINAL',
    answer:
      verdict === 'PAID'
        ? { kind: 'paid', paymentId: row.payment_id as number, amount: row.amount as number, ...shared }
        : { kind: 'refused', code: row.refusal ?? 'PAYMENT_FAILED', ...shared },
  };
}
