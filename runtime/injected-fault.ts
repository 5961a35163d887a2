import { z } from 'zod';

/** Faults that are switched on to prove that the verifier sees them. Never outside a test. */
export const sabotages = [
  'refund-without-ledger',
  'answer-before-commit',
  'receipts-off',
  'row-locks-off',
  'epoch-off',
  'rescuer-off',
  'compensation-swallowed',
] as const;
export type Sabotage = (typeof sabotages)[number];

/** Where a process can be made to fail, see `fault-points.ts`. Never outside a test or `bench -- chaos`. */
export const faultPoints = [
  'boundary-before-commit',
  'boundary-after-commit',
  'commit-timeout',
  'accept-before-enqueue',
  'accept-after-enqueue',
  'reply-lost',
  'duplicate-jobs',
  'reordered-jobs',
  'clock-jump',
] as const;
export type FaultPoint = (typeof faultPoints)[number];

export interface InjectedFault {
  readonly point: FaultPoint;
  /** It happens when so many payments have come to the point in this process, default the first. */
  readonly nth: number;
}

export const fault = z.string().transform((value, ctx): InjectedFault => {
  const [, name, nth = '1'] = /^([a-z-]+)(?::([1-9]\d{0,8}))?$/.exec(value) ?? [];
  const point = faultPoints.find((one) => one === name);
  if (point !== undefined) return Object.freeze({ point, nth: Number(nth) });
  ctx.addIssue({
    code: 'custom',
    message: `'${value}' is not POINT or POINT:N with a point of ${faultPoints.join(', ')}`,
  });
  return z.NEVER;
});
