import { z } from 'zod';
import { cron, timeZone, whole } from './config-values.ts';
import { onlySet, parse } from './environment.ts';

/** The verification that runs each night, see docs/nightly.md. */
export interface NightlyConfig {
  /** When it starts; undefined: it does not. */
  readonly cron: string | undefined;
  readonly timeZone: string;
  /** A night is missed when the last one ended longer ago. */
  readonly expectedHours: number;
  /** Where its reports are written; undefined: the caller decides. */
  readonly out: string | undefined;
  /** Recorded runs and reports that are older are removed. */
  readonly retentionDays: number;
}

export const nightlyVariables = {
  SAGASHIFT_NIGHTLY_CRON: cron.default('30 3 * * *'),
  SAGASHIFT_NIGHTLY_TIME_ZONE: timeZone.default('UTC'),
  SAGASHIFT_NIGHTLY_EXPECTED_HOURS: whole(1, 8_784).default(26),
  SAGASHIFT_NIGHTLY_OUT: z.string().max(1_000).optional(),
  SAGASHIFT_NIGHTLY_RETENTION_DAYS: whole(1, 36_500).default(400),
};
export const nightlyOf = (v: z.infer<z.ZodObject<typeof nightlyVariables>>): NightlyConfig =>
  Object.freeze({
    cron: v.SAGASHIFT_NIGHTLY_CRON === 'off' ? undefined : v.SAGASHIFT_NIGHTLY_CRON,
    timeZone: v.SAGASHIFT_NIGHTLY_TIME_ZONE,
    expectedHours: v.SAGASHIFT_NIGHTLY_EXPECTED_HOURS,
    out: v.SAGASHIFT_NIGHTLY_OUT,
    retentionDays: v.SAGASHIFT_NIGHTLY_RETENTION_DAYS,
  });

/** What the nightly command takes from the environment. */
export const readNightlyConfig = (env: NodeJS.ProcessEnv): NightlyConfig =>
  nightlyOf(parse(z.object(nightlyVariables), onlySet(env), []));
