import { z } from 'zod';
import * as schemas from './api-schemas.ts';
import { collectAnswer, collectBody } from './collect-payload.ts';
import { type ProblemCode, problems } from './problems.ts';
import { userPaymentsAnswer, userPaymentsQuery } from './user-payments-schemas.ts';

interface Operation {
  readonly path: string;
  readonly method: 'get' | 'post';
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: z.ZodObject;
  readonly headers?: readonly { name: string; required: boolean; description: string; schema: z.ZodType }[];
  readonly answers: Readonly<Record<number, { description: string; schema: z.ZodType }>>;
  readonly problems: readonly ProblemCode[];
}

const ofBody = ['MALFORMED_REQUEST', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;
const ofDatabase = ['UNAVAILABLE'] as const;

/** Every operation of the API; the document is made of these rows and of the schemas that check the requests. */
const operations: readonly Operation[] = [
  {
    path: '/v1/orders/{orderId}/payments',
    method: 'post',
    summary:
      'Pay an order. The order is the idempotency key: the same order, user and coupon always get the first final answer',
    body: schemas.payOrderBody,
    headers: [
      {
        name: 'Prefer',
        required: false,
        description: '`respond-async`: do not wait for the final answer',
        schema: z.string(),
      },
    ],
    answers: {
      201: { description: 'Paid, now or before', schema: schemas.paidAnswer },
      202: { description: 'Not final yet: ask Location. Says nothing about the outcome', schema: schemas.openAnswer },
    },
    problems: [
      ...ofBody,
      'ORDER_NOT_FOUND',
      'ORDER_NOT_PAYABLE',
      'PAYMENT_IN_PROGRESS',
      'COUPON_MISMATCH',
      'VALIDATION_FAILED',
      'COUPON_UNUSABLE',
      'BALANCE_INSUFFICIENT',
      'STOCK_INSUFFICIENT',
      'PAYMENT_FAILED',
      'TOO_MANY_REQUESTS',
      'OVERLOADED',
      'STOPPING',
      ...ofDatabase,
    ],
  },
  {
    path: '/v1/orders/{orderId}/payment',
    method: 'get',
    summary: 'How far the payment of an order is',
    answers: {
      200: {
        description: 'PENDING: none has begun; PAYING: in work; anything else is final',
        schema: schemas.paymentState,
      },
    },
    problems: ['MALFORMED_REQUEST', 'ORDER_NOT_FOUND', ...ofDatabase],
  },
  {
    path: '/v1/orders/{orderId}',
    method: 'get',
    summary: 'An order and its lines',
    answers: { 200: { description: 'The order', schema: schemas.orderAnswer } },
    problems: ['MALFORMED_REQUEST', 'ORDER_NOT_FOUND', ...ofDatabase],
  },
  {
    path: '/v1/orders',
    method: 'post',
    summary: 'Place an order: prices from the products, stock reserved, all or nothing',
    body: schemas.placeOrderBody,
    answers: { 201: { description: 'Placed', schema: schemas.orderAnswer } },
    problems: [
      ...ofBody,
      'USER_NOT_FOUND',
      'PRODUCT_NOT_FOUND',
      'STOCK_INSUFFICIENT',
      'VALIDATION_FAILED',
      'AMOUNT_TOO_LARGE',
      ...ofDatabase,
    ],
  },
  {
    path: '/v1/users/{userId}/top-ups',
    method: 'post',
    summary: 'Add money to a balance, once per Idempotency-Key',
    body: schemas.topUpBody,
    headers: [
      {
        name: 'Idempotency-Key',
        required: true,
        description: 'The same for every retry',
        schema: schemas.idempotencyKey,
      },
    ],
    answers: { 201: { description: 'Added, now or before', schema: schemas.topUpAnswer } },
    problems: [...ofBody, 'USER_NOT_FOUND', 'AMOUNT_TOO_LARGE', 'IDEMPOTENCY_KEY_REUSED', ...ofDatabase],
  },
  {
    path: '/v1/users/{userId}/payments',
    method: 'get',
    summary: 'The payments of a user, newest first, whichever engine paid; `asOf` says how fresh the list is',
    query: userPaymentsQuery,
    answers: { 200: { description: 'A page; `next` leads on', schema: userPaymentsAnswer } },
    problems: ['MALFORMED_REQUEST', 'USER_NOT_FOUND', ...ofDatabase],
  },
  {
    path: '/v1/sagas/{sagaId}',
    method: 'get',
    summary: 'A saga and its steps',
    answers: { 200: { description: 'The saga', schema: schemas.sagaAnswer } },
    problems: ['MALFORMED_REQUEST', 'SAGA_NOT_FOUND', ...ofDatabase],
  },
  {
    path: '/collect',
    method: 'post',
    summary: 'Telemetry of a Faro SDK; gzip is taken. NOT_FOUND where SAGASHIFT_COLLECT is off',
    body: collectBody,
    headers: [
      { name: 'x-api-key', required: false, description: 'Where a key is configured', schema: z.string() },
      {
        name: 'x-faro-session-id',
        required: false,
        description: 'The session, where the body names none',
        schema: z.string(),
      },
    ],
    answers: { 202: { description: 'Taken', schema: collectAnswer } },
    problems: [...ofBody, 'UNAUTHORIZED', 'NOT_FOUND', 'RATE_LIMITED', 'OVERLOADED'],
  },
];

/** OpenAPI 3.1, whose schemas are JSON Schema 2020-12 as zod writes it. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = describe(operation);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sagashift payment API',
      version: '1',
      description: 'Trusts its network: it stands behind a gateway that knows the user. Money is whole won.',
    },
    paths,
    components: { schemas: { Problem: jsonSchema(schemas.problemAnswer) } },
  };
}

function describe({ path, summary, body, query, headers = [], answers, problems: codes }: Operation): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: jsonSchema(schema as z.ZodType, 'input'),
  }));
  const inHead = headers.map(({ schema, ...header }) => ({ ...header, in: 'header', schema: jsonSchema(schema) }));
  return {
    summary,
    parameters: [...inPath, ...inQuery, ...inHead],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body, 'input') } } } }),
    responses: {
      ...mapValues(answers, ({ description, schema }) => ({
        description,
        content: content('application/json', schema),
      })),
      ...describeProblems(codes),
    },
  };
}

function describeProblems(codes: readonly ProblemCode[]): Record<string, object> {
  const statuses = [...new Set(codes.map((code) => problems[code].status))];
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: codes.filter((code) => problems[code].status === status).join(', '), content },
    ]),
  );
}

const content = (type: string, schema: z.ZodType): object => ({ [type]: { schema: jsonSchema(schema) } });
const mapValues = <T>(rows: Readonly<Record<number, T>>, map: (row: T) => object): Record<string, object> =>
  Object.fromEntries(Object.entries(rows).map(([key, row]) => [key, map(row)]));

const dialect = 'https://json-schema.org/draft/2020-12/schema';
const jsonSchema = (schema: z.ZodType, io: 'input' | 'output' = 'output'): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io });
  if ($schema !== dialect) throw new TypeError(`OpenAPI 3.1 wants ${dialect}, not ${String($schema)}`);
  return rest;
};
