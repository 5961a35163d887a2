import { z } from 'zod';

/** Ids are exact as JSON numbers: integers from 1 to 2^53 - 1. */
const id = z.int().positive();

/** Bounds what one order may hold; with prices in won the total stays exact. */
export const orderLimits = { lines: 50, qty: 10_000 } as const;
export const topUpLimitWon = 1_000_000_000;

/** Strict: a misspelt `couponID` would otherwise be charged without its discount. */
export const payOrderBody = z
  .strictObject({ userId: id, couponId: id.nullish().describe('A user_coupons id of the user') })
  .meta({ title: 'PayOrder' });

export const placeOrderBody = z
  .strictObject({
    userId: id,
    lines: z
      .array(z.strictObject({ productId: id, qty: z.int().min(1).max(orderLimits.qty) }))
      .min(1)
      .max(orderLimits.lines)
      .refine((lines) => new Set(lines.map((line) => line.productId)).size === lines.length, {
        error: 'a product stands in two lines: add their quantities up',
      }),
  })
  .meta({ title: 'PlaceOrder' });

export const topUpBody = z.strictObject({ amountWon: z.int().min(1).max(topUpLimitWon) }).meta({ title: 'TopUp' });

/** A header, so that a retry is the same request: 1 to 200 visible ASCII characters. */
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/);

const won = z.int().describe('Whole won');
const route = z
  .object({
    side: z.enum(['legacy', 'saga']),
    reason: z.enum([
      'affinity',
      'emergency',
      'disabled',
      'stale_config',
      'deny',
      'vip',
      'vip_unknown',
      'allow',
      'bucket',
      'default',
      'pinned',
    ]),
    bucket: z.int().describe('userId % 100'),
    version: z.int().describe('Version of the rollout that decided'),
  })
  .meta({ title: 'Route' });

export const paidAnswer = z
  .object({
    paymentId: id,
    orderId: id,
    userId: id,
    amount: won,
    status: z.literal('PAID'),
    engine: z.string(),
    route,
    sagaId: id.optional(),
  })
  .meta({ title: 'Payment' });

export const openAnswer = z
  .object({ orderId: id, status: z.literal('ACCEPTED'), engine: z.string(), route, sagaId: id.optional() })
  .meta({ title: 'AcceptedPayment' });

const orderStatus = z.enum([
  'PENDING',
  'PAYING',
  'PAID',
  'VALIDATION_FAILED',
  'BALANCE_INSUFFICIENT',
  'STOCK_INSUFFICIENT',
  'PAYMENT_FAILED',
]);

export const paymentState = z
  .object({
    orderId: id,
    userId: id,
    status: orderStatus.describe('PENDING: no payment has begun'),
    code: z.string().optional().describe('Why it was refused'),
    paymentId: id.optional(),
    amount: won.optional(),
    engine: z.string().optional(),
    route: route.optional(),
    sagaId: id.optional(),
  })
  .meta({ title: 'PaymentState' });

export const orderAnswer = z
  .object({
    orderId: id,
    userId: id,
    status: orderStatus,
    engine: z.string().nullable(),
    totalAmount: won,
    discountAmount: won,
    finalAmount: won.nullable(),
    refusalCode: z.string().nullable(),
    createdAt: z.iso.datetime(),
    lines: z.array(z.object({ productId: id, qty: z.int(), unitPrice: won })),
  })
  .meta({ title: 'Order' });

export const topUpAnswer = z
  .object({ userId: id, amountWon: won, balanceWon: won.describe('Right after this top-up') })
  .meta({ title: 'TopUpDone' });

export const sagaAnswer = z
  .object({
    sagaId: id,
    orderId: id,
    type: z.string().describe('The engine that runs it'),
    version: z.int().describe('Of its definition'),
    status: z.enum(['RUNNING', 'COMPENSATING', 'COMPLETED', 'COMPENSATED', 'FAILED']),
    currentStep: z.string().describe('Recorded last; accepted before the first'),
    attempts: z.int().describe('Technical faults in a row'),
    failureCode: z.string().nullable().describe('Why it turned back'),
    lastError: z.string().nullable(),
    deadlineAt: z.iso.datetime().nullable().describe('If it is not paid by then, it turns back'),
    nextRunAt: z.iso.datetime().nullable().describe('Set while a try is waiting'),
    attentionAt: z.iso.datetime().nullable().describe('Since when it asks for a person'),
    prunedAt: z.iso.datetime().nullable().describe('Since when its steps are gone'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    steps: z.array(
      z.object({
        name: z.string(),
        no: z.int(),
        op: z.enum(['EXECUTE', 'COMPENSATE']),
        status: z.enum(['SUCCESS', 'FAILED', 'COMPENSATED']),
        output: z.record(z.string(), z.unknown()).nullable().describe('What it found out or made'),
        error: z.string().nullable(),
        executedAt: z.iso.datetime(),
      }),
    ),
  })
  .meta({ title: 'Saga' });

export const problemAnswer = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable; what a program tests'),
    detail: z.string().optional(),
    orderId: id.optional(),
    engine: z.string().optional(),
    route: route.optional(),
    sagaId: id.optional(),
  })
  .meta({ title: 'Problem' });
