import { z } from 'zod';

/** Of one page. */
export const pageLimit = { default: 20, most: 100 } as const;

const id = z.int().positive();
const whole = (most: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,15}$/, { error: `must be an integer from 1 to ${most}` })
    .transform(Number)
    .refine((n) => n <= most, { error: `must be an integer from 1 to ${most}` });

/** Strict: a misspelt `before` would otherwise be the first page again, for ever. */
export const userPaymentsQuery = z.strictObject({
  limit: whole(pageLimit.most).optional().describe(`Payments of a page, default ${pageLimit.default}`),
  before: whole(Number.MAX_SAFE_INTEGER).optional().describe('A paymentId: the page begins with the next older one'),
});

export const userPaymentsAnswer = z
  .object({
    userId: id,
    payments: z.array(
      z.object({
        paymentId: id,
        orderId: id,
        amount: z.int().describe('Whole won'),
        paidAt: z.iso.datetime(),
      }),
    ),
    next: z.string().nullable().describe('Of the page with older payments; null when there is none'),
    asOf: z.iso
      .datetime()
      .nullable()
      .describe('Every payment that was paid by then is in the list; null while that cannot be said'),
    ageSeconds: z.number().nullable().describe('How long ago that is'),
  })
  .meta({ title: 'UserPayments' });
