import type { RefusalCode, UnchangedCode } from '../../domain/errors.ts';
import type { Answer, PaymentEngine, PayOrder, RouteReason, Side } from '../../domain/payment-engine.ts';
import type { Tx } from '../../domain/ports.ts';
import { openPool, type Pool } from '../../runtime/database.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { withRetry } from '../../runtime/retry.ts';

const name = 'example';

/** The five steps by their SQL functions: each has a `lock_` that takes its rows and an `undo_` that gives back what it took. */
const steps = ['validate_order', 'apply_coupon', 'deduct_balance', 'confirm_stock', 'create_payment'];

interface Claim {
  readonly verdict: 'CLAIMED' | 'PAID' | 'REFUSED' | 'EMERGENCY' | UnchangedCode;
  readonly side: Side;
  readonly reason: RouteReason;
  readonly bucket: number;
  readonly config_version: number;
  readonly engine: string | null;
  readonly refusal: RefusalCode | null;
  readonly payment_id: number | null;
  readonly amount: number | null;
}
type Ending = Pick<Claim, 'engine' | 'refusal' | 'payment_id' | 'amount'>;

/** One transaction, one round trip per step; a refusal undoes the steps in reverse and commits that. */
export function createExampleEngine({ config, metrics }: EnginePorts): PaymentEngine {
  const inHand = new Set<Promise<unknown>>();
  let pool: Pool | undefined;

  return {
    name,
    start() {
      pool ??= openPool({ url: config.databaseUrl, size: config.dbConnections, timeoutMs: 5_000 }, metrics);
      return Promise.resolve();
    },
    submit(command, signal) {
      const db = pool;
      if (db === undefined || signal.aborted) return Promise.reject(new Error('not running, or given up already'));
      const settled = withRetry(() => db.transaction((tx) => pay(tx, command)), { signal, metrics });
      inHand.add(settled);
      const end = (): void => void inHand.delete(settled);
      settled.then(end, end);
      return Promise.resolve({ settled });
    },
    async stop() {
      const db = pool;
      pool = undefined;
      await Promise.allSettled(inHand);
      await db?.close();
    },
  };
}

async function pay(tx: Tx, { orderId, userId, couponId, route }: PayOrder): Promise<Answer> {
  const [claim] = await tx.query<Claim>(
    'select * from claim_routes(array[$1::bigint], array[$2::bigint], array[$3::bigint], array[$4], array[$5], array[$6::int], array[$7::bigint])',
    [orderId, userId, couponId, route.side, route.reason, route.bucket, route.version],
  );
  if (claim === undefined) throw new Error('claim_routes answered without a row');
  if (claim.verdict !== 'CLAIMED') return repeated(claim);

  let [facts] = await tx.query<{ p: string; code: RefusalCode | null }>(
    `select load_facts(array[row(null, null, $1::bigint, $2::bigint, $3::bigint, null, null, null, null, null, null)::payment_facts])::text as p, null as code`,
    [orderId, userId, couponId],
  );
  for (const [done, step] of steps.entries()) {
    [facts] = await tx.query(`select p::text, p[1].code from ${step}(lock_${step}($1::payment_facts[], true), $2) p`, [
      facts?.p,
      name,
    ]);
    if (facts === undefined) throw new Error(`${step} answered without a row`);
    if (facts.code === null) continue;
    for (const [i, undone] of [...steps.entries()].reverse()) {
      await tx.query(`select undo_${undone}($1::payment_facts[], $2::bigint[])`, [facts.p, i < done ? [orderId] : []]);
    }
    return final(claim, { engine: name, refusal: facts.code, payment_id: null, amount: null });
  }
  const [paid] = await tx.query<{ id: number; amount: number }>('select id, amount from payments where order_id = $1', [
    orderId,
  ]);
  return final(claim, { engine: name, refusal: null, payment_id: paid?.id ?? null, amount: paid?.amount ?? null });
}

/** Somebody asked before: the first final answer again, or the reason why nothing was done. */
function repeated(claim: Claim): Answer {
  const { verdict } = claim;
  if (verdict === 'PAID' || verdict === 'REFUSED') return { ...final(claim, claim), replayed: true };
  return verdict === 'EMERGENCY' || verdict === 'CLAIMED' ? { kind: 'reroute' } : { kind: 'unchanged', code: verdict };
}

function final(
  { side, reason, bucket, config_version: version }: Claim,
  { engine, refusal, payment_id, amount }: Ending,
) {
  const by = { engine: engine ?? name, route: { side, reason, bucket, version } };
  if (refusal !== null) return { kind: 'refused', code: refusal, ...by } as const;
  if (payment_id === null || amount === null) throw new Error('a paid order has no payment');
  return { kind: 'paid', paymentId: payment_id, amount, ...by } as const;
}
