import type { Tx } from '../domain/ports.ts';

export interface Verifications {
  /** Orders, added up over all recorded passes. */
  readonly examined: number;
  /** When the last one that examined orders and found nothing wrong ended, in seconds since 1970. */
  readonly cleanAt: number | null;
  /** Added up over all recorded passes, by severity. */
  readonly violations: Readonly<Record<string, number>>;
}

/** Both from one snapshot: violations without the orders they were found among would look worse than they are. */
export async function readVerifications(tx: Tx): Promise<Verifications> {
  const [row] = await tx.query<Verifications>(
    `select coalesce(sum(checked), 0)::bigint as examined,
       extract(epoch from max(finished_at) filter (where violations = 0 and checked > 0))::float8 as "cleanAt",
       (select coalesce(json_object_agg(severity, found), '{}') from (
          select severity, sum(violations)::bigint as found from verification_finding group by severity) f) as violations
     from verification_run`,
  );
  return row ?? { examined: 0, cleanAt: null, violations: {} };
}
