import type { Pool } from '../runtime/database.ts';
import { gapSentence } from './gaps.ts';
import type { VerificationReport } from './verifier.ts';

/** Keeps a finished pass, with one finding per broken invariant, for whoever asks later since when something is wrong. */
export async function recordRun(pool: Pool, report: VerificationReport): Promise<void> {
  await pool.transaction(async (tx) => {
    const [run] = await tx.query<{ id: number }>(
      `insert into verification_run (mode, started_at, finished_at, checked, violations, doubts) values ($1, $2, now(), $3, $4, $5) returning id`,
      [
        report.mode,
        report.startedAt,
        report.score.examined,
        report.violations,
        JSON.stringify([...(report.doubts ?? []), ...(report.gaps ?? []).map(gapSentence)]),
      ],
    );
    const broken = report.perInvariant.filter(({ violations }) => violations > 0);
    await tx.query(
      `insert into verification_finding (run_id, code, severity, violations, sample)
       select $1, code, severity, violations, sample
       from jsonb_to_recordset($2) f (code text, severity text, violations bigint, sample jsonb)`,
      [run?.id, JSON.stringify(broken)],
    );
  });
}
