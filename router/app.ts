import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import type { Pool } from '../runtime/database.ts';
import { newApp, serveOperations } from '../runtime/http.ts';
import { answerJson } from './answers.ts';
import type { Console } from './console/console.ts';
import { showAsset, showPage } from './console/page-files.ts';
import { openApiDocument } from './openapi.ts';
import { placeOrder, showOrder, showPayment } from './orders.ts';
import { type PaymentPorts, payOrder } from './payments.ts';
import { answerProblem, RequestProblem } from './problems.ts';
import { showSaga } from './sagas.ts';
import { topUp } from './top-ups.ts';
import { listUserPayments } from './user-payments.ts';

export interface AppPorts extends PaymentPorts {
  readonly pool: Pool;
  readonly console: Console;
  /** Takes telemetry; without it there is no such path. */
  readonly collect: RequestHandler | undefined;
  /** Whether it can do its work now. */
  readonly ready: () => Promise<boolean>;
}

/** The HTTP API. The payment comes first: Express tries routes in their order. */
export function createApp(ports: AppPorts): Express {
  const { pool } = ports;
  const app = newApp();
  app.route('/v1/orders/:orderId/payments').post(payOrder(ports)).all(onlyAllows('POST'));
  app.route('/v1/orders/:orderId/payment').get(showPayment(pool)).all(onlyAllows('GET, HEAD'));
  app.route('/v1/orders/:orderId').get(showOrder(pool)).all(onlyAllows('GET, HEAD'));
  app.route('/v1/orders').post(placeOrder(pool)).all(onlyAllows('POST'));
  app.route('/v1/users/:userId/top-ups').post(topUp(pool)).all(onlyAllows('POST'));
  app.route('/v1/users/:userId/payments').get(listUserPayments(pool)).all(onlyAllows('GET, HEAD'));
  app.route('/v1/sagas/:sagaId').get(showSaga(pool)).all(onlyAllows('GET, HEAD'));
  const document = openApiDocument();
  app.route('/openapi.json').get((_req, res) => {
    answerJson(res, 200, document);
  });
  app.get('/console', showPage);
  app.get('/console/events', ports.console.events);
  app.get('/console/assets/:name', showAsset);
  app.all(/^\/console(?:\/|$)/, onlyAllows('GET, HEAD'));
  serveOperations(app, ports.metrics, ports.ready);
  app.all(['/openapi.json', '/metrics', '/healthz', '/readyz'], onlyAllows('GET, HEAD'));
  if (ports.collect !== undefined) app.route('/collect').post(ports.collect).all(onlyAllows('POST'));
  app.use((req, res) => {
    answerProblem(res, 'NOT_FOUND', `${req.path} is not a path of this API; /openapi.json lists them`);
  });
  app.use(answerError(ports));
  return app;
}

const onlyAllows =
  (methods: string): RequestHandler =>
  (req, res) => {
    res.setHeader('allow', methods);
    answerProblem(res, 'METHOD_NOT_ALLOWED', `${req.method} is not supported here; ${methods} is`);
  };

/** Express knows an error handler by its four parameters. */
export const answerError =
  ({ log }: Pick<AppPorts, 'log'>): ErrorRequestHandler =>
  (error: unknown, req, res, next) => {
    if (res.headersSent) {
      next(error); // an answer that has begun can only be broken off
    } else if (error instanceof RequestProblem) {
      answerProblem(res, error.code, error.message, error.members);
    } else if (isBadRequest(error)) {
      answerProblem(res, 'MALFORMED_REQUEST', 'the path cannot be decoded');
    } else {
      log.error({ err: error, method: req.method, path: req.path }, 'request fault');
      answerProblem(res, isOutside(error) ? 'UNAVAILABLE' : 'INTERNAL');
    }
  };

/** Express' own complaint about a path such as `/v1/orders/%ff`. */
const isBadRequest = (error: unknown): boolean =>
  error instanceof URIError || (error as { status?: unknown } | null)?.status === 400;

/** Faults of the database and the network carry a code, SQLSTATE or errno; what has none is ours. */
const isOutside = (error: unknown): boolean => typeof (error as { code?: unknown } | null)?.code === 'string';
