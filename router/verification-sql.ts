import type { Tx } from '../domain/ports.ts';
import { type NightlyFigures, nightlyFiguresSql } from '../runtime/nightly-figures.ts';

export interface Verifications {
  /** Orders, added up over all recorded passes. */
  readonly examined: number;
  /** When the last one that examined orders and found nothing wrong ended, in seconds since 1970. */
  readonly cleanAt: number | null;
  /** Added up over all recorded passes, by severity. */
  readonly violations: Readonly<Record<string, number>>;
  /** Of the last nightly pass that ended. */
  readonly nightly: NightlyFigures | null;
}

/** All from one snapshot: violations without the orders they were found among would look worse than they are. Pruned passes count on. */
export async function readVerifications(tx: Tx): Promise<Verifications> {
  const [row] = await tx.query<Verifications>(
    `select coalesce(sum(checked), 0)::bigint + coalesce((select total from verification_pruned where what = 'checked'), 0) as examined,
       extract(epoch from max(finished_at) filter (where violations = 0 and checked > 0 and doubts = '[]'))::float8 as "cleanAt",
       (select coalesce(json_object_agg(severity, found), '{}') from (
          select severity, sum(violations)::bigint as found from (
            select severity, violations from verification_finding
            union all select what, total from verification_pruned where what <> 'checked') v group by severity) f) as violations,
       ${nightlyFiguresSql} as nightly
     from verification_run`,
  );
  return row ?? { examined: 0, cleanAt: null, violations: {}, nightly: null };
}
