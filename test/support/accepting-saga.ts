import type { UnchangedCode } from '../../domain/errors.ts';
import type { Answer, PaymentEngine, PayOrder, Submission } from '../../domain/payment-engine.ts';
import type { Pool } from '../../runtime/database.ts';

export interface AcceptingSaga extends PaymentEngine {
  /** Ends the payments that are open, in the stead of a worker, with this answer. */
  settle(answer: (command: PayOrder, sagaId: number) => Answer): void;
  readonly open: () => number;
}

/** A saga engine without a worker: it accepts durably, by the same SQL as the real one, and the test decides how it ends. */
export function acceptingSaga(pool: Pool): AcceptingSaga {
  const name = 'orchestration';
  const waiting: { command: PayOrder; sagaId: number; resolve: (answer: Answer) => void }[] = [];
  const submit = async (command: PayOrder): Promise<Submission> => {
    const { orderId, userId, couponId, route } = command;
    const [row] = await pool.query<{ verdict: string; sagaId: number | null }>(
      `select verdict, saga_id as "sagaId" from accept_sagas($8, array[$1::bigint], array[$2::bigint], array[$3::bigint],
         array[$4::text], array[$5::text], array[$6::int], array[$7::bigint], '30 s')`,
      [orderId, userId, couponId, route.side, route.reason, route.bucket, route.version, name],
    );
    const { verdict, sagaId } = row ?? { verdict: 'nothing', sagaId: null };
    if (verdict === 'CLAIMED' && sagaId !== null) {
      return {
        sagaId,
        settled: new Promise((resolve) => {
          waiting.push({ command, sagaId, resolve });
        }),
      };
    }
    const code = verdict as UnchangedCode;
    return { settled: Promise.resolve(verdict === 'EMERGENCY' ? { kind: 'reroute' } : { kind: 'unchanged', code }) };
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
