import type { UnchangedCode } from '../../domain/errors.ts';
import type { Answer, PaymentEngine, PayOrder, Route, Submission } from '../../domain/payment-engine.ts';
import type { Pool } from '../../runtime/database.ts';

export interface AcceptingSaga extends PaymentEngine {
  /** Ends the payments that are open, in the stead of a worker, with this answer. */
  settle(answer: (command: PayOrder, sagaId: number) => Answer): void;
  readonly open: () => number;
}

interface Verdict extends Route {
  readonly verdict: string;
  readonly engine: string;
  readonly paymentId: number | null;
  readonly amount: number | null;
  readonly sagaId: number | null;
}

function answerOf({ verdict, side, reason, bucket, version, engine, paymentId, amount }: Verdict): Answer {
  if (verdict === 'EMERGENCY') return { kind: 'reroute' };
  if (verdict !== 'PAID' || paymentId === null || amount === null)
    return { kind: 'unchanged', code: verdict as UnchangedCode };
  return { kind: 'paid', paymentId, amount, engine, route: { side, reason, bucket, version }, replayed: true };
}

/** A saga engine without a worker: it accepts durably, by the same SQL as the real one, and the test decides how it ends. */
export function acceptingSaga(pool: Pool): AcceptingSaga {
  const name = 'orchestration';
  const waiting: { command: PayOrder; sagaId: number; resolve: (answer: Answer) => void }[] = [];
  const submit = async (command: PayOrder): Promise<Submission> => {
    const { orderId, userId, couponId, route } = command;
    const [row] = await pool.query<Verdict>(
      `select verdict, side, reason, bucket, config_version as version, engine_name as engine,
         payment_id as "paymentId", amount, saga_id as "sagaId"
       from accept_sagas($8, array[$1::bigint], array[$2::bigint], array[$3::bigint],
         array[$4::text], array[$5::text], array[$6::int], array[$7::bigint], '30 s')`,
      [orderId, userId, couponId, route.side, route.reason, route.bucket, route.version, name],
    );
    if (row === undefined) throw new Error('accept_sagas said nothing');
    const { verdict, sagaId } = row;
    if (verdict !== 'CLAIMED' || sagaId === null) return { settled: Promise.resolve(answerOf(row)) };
    return {
      sagaId,
      settled: new Promise((resolve) => {
        waiting.push({ command, sagaId, resolve });
      }),
    };
  };
  return {
    name,
    submit,
    start: async () => undefined,
    stop: async () => undefined,
    open: () => waiting.length,
    settle(answer) {
      for (const { command, sagaId, resolve } of waiting.splice(0)) resolve(answer(command, sagaId));
    },
  };
}
