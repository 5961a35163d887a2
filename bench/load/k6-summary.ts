import { z } from 'zod';
import type { Arrivals } from './driver.ts';

/** What of k6's own summary is used; `bench/k6/payments.ts` writes it when the run has ended, and a run that was killed has none. */
const summarySchema = z.object({
  metrics: z.record(
    z.string(),
    z.object({
      values: z.record(z.string(), z.number()),
      thresholds: z.record(z.string(), z.object({ ok: z.boolean() })).optional(),
    }),
  ),
  /** The same moment on the clock of the machine and on that of k6's run, in ms. */
  setup_data: z.object({ epochMs: z.number(), runMs: z.number() }),
});

export interface K6Summary {
  readonly iterations: number;
  readonly dropped: number;
  /** Time since the epoch at which k6's own clock stood at zero, in ms. */
  readonly zeroEpochMs: number;
  readonly thresholds: Arrivals['thresholds'];
}

/** Undefined when the text is no summary of ours. */
export function readK6Summary(text: string): K6Summary | undefined {
  const parsed = summarySchema.safeParse(json(text));
  if (!parsed.success) return undefined;
  const { metrics, setup_data: setup } = parsed.data;
  const count = (name: string) => metrics[name]?.values['count'] ?? 0;
  return {
    iterations: count('iterations'),
    dropped: count('dropped_iterations'),
    zeroEpochMs: setup.epochMs - setup.runMs,
    thresholds: Object.entries(metrics).flatMap(([metric, { thresholds = {} }]) =>
      Object.entries(thresholds).map(([expression, { ok }]) => ({ metric, expression, passed: ok })),
    ),
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
