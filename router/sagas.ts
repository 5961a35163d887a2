import type { RequestHandler } from 'express';
import type { Tx } from '../domain/ports.ts';
import { answerJson } from './answers.ts';
import { RequestProblem } from './problems.ts';
import { idFrom } from './request-ids.ts';
import { readSaga, readSagaSteps } from './saga-sql.ts';

/** GET /v1/sagas/:sagaId: its state, and each boundary's receipts. */
export function showSaga(tx: Tx): RequestHandler<{ sagaId: string }> {
  return async (req, res) => {
    const sagaId = idFrom('sagaId', req.params.sagaId);
    const saga = await readSaga(tx, sagaId);
    if (saga === undefined) throw new RequestProblem('SAGA_NOT_FOUND', `saga ${sagaId} does not exist`, { sagaId });
    answerJson(res, 200, { ...saga, steps: await readSagaSteps(tx, sagaId) });
  };
}
