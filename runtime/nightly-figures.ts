import type { Metrics } from './metrics.ts';

/** What a violation may be of. The label is ours: a row that says anything else is counted as `other`. */
export const severities = ['money', 'stock', 'process', 'delivery', 'other'] as const;
export type Severity = (typeof severities)[number];

/** What is known of the last nightly verification that ended. */
export interface NightlyFigures {
  /** Seconds since 1970. */
  readonly endedAt: number;
  readonly durationMs: number;
  readonly checked: number;
  readonly violations: number;
  /** Why it proves less than it says: so many reasons. */
  readonly doubts: number;
  readonly proven: number;
  readonly bySeverity: Readonly<Record<string, number>>;
}

/** SQL expression: NightlyFigures as JSON, null before the first night. */
export const nightlyFiguresSql = `(
  select json_build_object('endedAt', extract(epoch from r.finished_at)::float8, 'durationMs', r.duration_ms, 'checked', r.checked,
    'violations', r.violations, 'doubts', jsonb_array_length(r.doubts), 'proven', r.proven,
    'bySeverity', (select coalesce(json_object_agg(severity, found), '{}') from (
      select severity, sum(violations)::bigint as found from verification_finding f where f.run_id = r.id group by severity) s))
  from verification_run r where r.mode = 'nightly' and r.status = 'FINISHED' order by r.id desc limit 1)`;

type NightlyMetrics = Pick<
  Metrics,
  | 'nightlyLastRun'
  | 'nightlyExpectedInterval'
  | 'nightlySuccess'
  | 'nightlyDuration'
  | 'nightlyExamined'
  | 'nightlyViolations'
  | 'nightlyProven'
>;

/** The same figures for those who scrape a process and for those who read a file. */
export function showNightly(metrics: NightlyMetrics, figures: NightlyFigures | null, expectedHours: number): void {
  metrics.nightlyExpectedInterval.set(expectedHours * 3_600);
  if (figures === null) return;
  const { endedAt, durationMs, checked, violations, doubts, proven, bySeverity } = figures;
  metrics.nightlyLastRun.set(endedAt);
  metrics.nightlySuccess.set(checked > 0 && violations === 0 && doubts === 0 ? 1 : 0);
  metrics.nightlyDuration.set(durationMs / 1_000);
  metrics.nightlyExamined.set(checked);
  metrics.nightlyProven.set(proven);
  const found = inSeverities(bySeverity);
  for (const severity of severities) metrics.nightlyViolations.set({ severity }, found.get(severity) ?? 0);
}

/** Sums by our own labels. */
export function inSeverities(bySeverity: Readonly<Record<string, number>>): Map<Severity, number> {
  const totals = new Map<Severity, number>();
  for (const [name, total] of Object.entries(bySeverity)) {
    const severity = severities.find((known) => known === name) ?? 'other';
    totals.set(severity, (totals.get(severity) ?? 0) + total);
  }
  return totals;
}
