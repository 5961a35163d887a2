import type { ServerResponse } from 'node:http';
import type { Answer, FinalAnswer, PayOrder, Route } from '../domain/payment-engine.ts';
import { answerJson } from './answers.ts';
import { answerProblem } from './problems.ts';

export const paymentPath = (orderId: number): string => `/v1/orders/${orderId}/payment`;

/** A repeated answer keeps the side that the first one had; why it is there now is that it was there. */
export const routeOf = (answer: FinalAnswer): Route =>
  answer.replayed === true ? { ...answer.route, reason: 'affinity' } : answer.route;

export type ClientAnswer = Exclude<Answer, { kind: 'reroute' }>;

/** Each kind of answer as HTTP: 201, or the problem of its code. `reroute` never leaves the router. */
export function answerPayment(res: ServerResponse, { orderId, userId }: PayOrder, answer: ClientAnswer): void {
  const saga = answer.sagaId === undefined ? {} : { sagaId: answer.sagaId };
  if (answer.kind === 'unchanged') {
    answerProblem(res, answer.code, undefined, { orderId, ...saga });
    return;
  }
  const route = routeOf(answer);
  if (answer.kind === 'refused') {
    answerProblem(res, answer.code, undefined, { orderId, userId, engine: answer.engine, route, ...saga });
    return;
  }
  const { paymentId, amount } = answer;
  answerJson(
    res,
    201,
    { paymentId, orderId, userId, amount, status: 'PAID', engine: answer.engine, route, ...saga },
    {
      location: paymentPath(orderId),
    },
  );
}

/** 202: accepted, and not final yet or nobody waits. Says nothing about the outcome. */
export function answerAccepted(
  res: ServerResponse,
  { orderId, route }: PayOrder,
  engine: string,
  sagaId: number | undefined,
): void {
  answerJson(
    res,
    202,
    { orderId, status: 'ACCEPTED', engine, route, ...(sagaId === undefined ? {} : { sagaId }) },
    { location: paymentPath(orderId), 'retry-after': '1' },
  );
}
