import type { Request, RequestHandler, Response } from 'express';
import type { PayOrder } from '../domain/payment-engine.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Admission } from './admission.ts';
import { payOrderBody } from './api-schemas.ts';
import { type HeldRequests, stillOpen } from './held-requests.ts';
import { readBody } from './json-body.ts';
import { type Begun, begin, type Final, type PayingPorts } from './paying.ts';
import { answerAccepted, answerPayment } from './payment-answers.ts';
import { type Outcome } from './payment-metrics.ts';
import { answerProblem, type ProblemCode, RequestProblem } from './problems.ts';
import { idFrom } from './request-ids.ts';

export interface PaymentPorts extends PayingPorts {
  readonly admission: Admission;
  readonly held: HeldRequests;
  readonly metrics: Metrics;
  readonly waitLimitMs: number;
}

const turnedAway: Readonly<Record<Exclude<ReturnType<Admission['enter']>, 'entered'>, ProblemCode>> = {
  full: 'OVERLOADED',
  'user full': 'TOO_MANY_REQUESTS',
  closed: 'STOPPING',
};

/** POST /v1/orders/:orderId/payments: holds the request until the payment is final. */
export function payOrder(ports: PaymentPorts): RequestHandler<{ orderId: string }> {
  return async (req, res) => {
    const beganAt = performance.now();
    const orderId = idFrom('orderId', req.params.orderId);
    const { userId, couponId } = await readBody(req, payOrderBody);
    const askedForAsync = prefersAsync(req);
    enter(ports, userId);
    const payment = take({ orderId, userId, couponId: couponId ?? null }, ports, res);
    const patience = askedForAsync ? payment.begun.then(stillOpenUnlessFinal) : payment.final;
    try {
      const result = await ports.held.hold(patience, ports.waitLimitMs);
      if (result === stillOpen) answerOpen(payment.now(), res, ports, beganAt, askedForAsync);
      else {
        answerPayment(res, result.command, result.answer);
        count(result, outcomeOf(result), ports, beganAt);
      }
    } catch (error) {
      answerFault(error, payment.now(), res, ports, beganAt);
    }
  };
}

function enter({ admission, metrics }: PaymentPorts, userId: number): void {
  const verdict = admission.enter(userId);
  if (verdict === 'entered') return;
  metrics.shed.inc({ side: 'router' });
  throw new RequestProblem(turnedAway[verdict], `${admission.inWork()} payments are in work at this router`);
}

interface TakenPayment {
  readonly begun: Promise<Begun>;
  readonly final: Promise<Final>;
  /** What is known at this moment. */
  now(): Begun | undefined;
}

/** Keeps its place until it is final, whoever still listens. A client that leaves takes along only what no engine has accepted. */
function take(order: Omit<PayOrder, 'route'>, ports: PaymentPorts, res: Response): TakenPayment {
  const gone = new AbortController();
  let known: Begun | undefined;
  // Of every answer, ours included: after 'no engine accepted it in time' nobody waits for it any more.
  res.once('close', () => {
    if (known === undefined) gone.abort();
  });
  const begun = begin(order, ports, gone.signal).then((started) => (known = started));
  const final = begun.then((started) => started.final);
  const leave = (): void => {
    ports.admission.leave(order.userId);
  };
  final.then(leave, leave);
  return { begun, final, now: () => known };
}

/** RFC 7240: one preference of a list. */
const prefersAsync = (req: Request<{ orderId: string }>): boolean => {
  const prefer = req.headers['prefer'];
  return prefer !== undefined && /(?:^|[,;\s])respond-async(?:$|[,;\s])/i.test(String(prefer));
};

/** Who asked not to wait still gets an answer that is there already: a repeated one, a 404. */
const stillOpenUnlessFinal = ({ final }: Begun): Promise<Final | typeof stillOpen> =>
  Promise.race([
    final,
    new Promise<typeof stillOpen>((resolve) => {
      setImmediate(resolve, stillOpen);
    }),
  ]);

function answerOpen(
  begun: Begun | undefined,
  res: Response,
  ports: PaymentPorts,
  beganAt: number,
  asked: boolean,
): void {
  if (begun === undefined) {
    answerProblem(res, 'UNAVAILABLE', 'no engine accepted the payment within the wait limit');
    return;
  }
  answerAccepted(res, begun.command, begun.engine.name, begun.sagaId);
  if (!asked) count(begun, 'bad', ports, beganAt);
  else {
    begun.final.then(
      (final) => {
        count(final, outcomeOf(final), ports, beganAt);
      },
      () => {
        count(begun, 'bad', ports, beganAt);
      },
    );
  }
}

/** A fault is no refusal: what a saga has accepted goes on, and of the rest nothing is remembered. */
function answerFault(
  error: unknown,
  begun: Begun | undefined,
  res: Response,
  ports: PaymentPorts,
  beganAt: number,
): void {
  ports.log.error({ err: error, sagaId: begun?.sagaId, engine: begun?.engine.name }, 'payment fault');
  if (begun !== undefined) count(begun, 'bad', ports, beganAt);
  if (begun?.sagaId !== undefined) answerAccepted(res, begun.command, begun.engine.name, begun.sagaId);
  else answerProblem(res, 'UNAVAILABLE', 'a technical fault; the same request may be sent again');
}

const outcomeOf = ({ answer }: Final): Outcome => (answer.kind === 'paid' ? 'good' : 'rejected');

function count(
  { command, engine }: Pick<Begun, 'command' | 'engine'>,
  outcome: Outcome,
  ports: PaymentPorts,
  beganAt: number,
): void {
  ports.counts.answered(command.route.side, engine.name, outcome, (performance.now() - beganAt) / 1_000);
}
