import type { Tx } from '../../domain/ports.ts';
import type { Finding } from '../check.ts';
import { fromEventsRules } from '../from-events/rules.ts';
import type { Score } from '../score.ts';
import { asked, merged, type PartFinding } from './part.ts';
import { readParts, utc } from './runs-sql.ts';
import { version } from './version.ts';

/** What a night has found: what the page shows and the JSON holds. */
export interface NightlyReport {
  readonly schemaVersion: 1;
  readonly mode: 'nightly';
  readonly runId: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** At work, without the time between a crash and the next start. */
  readonly durationMs: number;
  readonly resumptions: number;
  readonly resumedAt: string | null;
  /** Each part was judged in a snapshot of its own. */
  readonly parts: readonly {
    readonly name: string;
    readonly snapshot: string;
    readonly takenAt: string;
    readonly durationMs: number;
  }[];
  readonly snapshots: number;
  /** Orders that were examined, by the engine that worked on them. */
  readonly checked: Readonly<Record<string, number>>;
  readonly perInvariant: readonly NightlyFinding[];
  /** Sum over the invariants. */
  readonly violations: number;
  /** Why the night proves less than it says, in sentences. */
  readonly doubts: readonly string[];
  readonly score: Score;
  /** Nightly runs up to this one, the oldest first. */
  readonly history: readonly PastNight[];
  readonly database: { readonly name: string; readonly server: string };
  readonly version: string;
  readonly host: string;
}

export interface NightlyFinding extends Finding {
  readonly violators: readonly string[];
  /** Start of the first of the nightly runs in a row that found it; null when it holds. */
  readonly since: string | null;
  /** What to do when it does not hold. */
  readonly remedy: string;
}

export interface PastNight {
  readonly runId: number;
  readonly startedAt: string;
  readonly status: 'FINISHED' | 'ABANDONED';
  readonly durationMs: number | null;
  readonly checked: number | null;
  readonly violations: number | null;
  /** Reasons to doubt it. */
  readonly doubts: number;
}

const nightsShown = 30;
const sampleSize = 5;

/** From what is recorded, so that it says the same whoever did which part. */
export async function readReport(tx: Tx, runId: number): Promise<NightlyReport> {
  const [run] = await tx.query<RunRow>(
    `select ${utc('started_at')} as "startedAt", ${utc('finished_at')} as "finishedAt", duration_ms as "durationMs", resumptions,
       ${utc('resumed_at')} as "resumedAt", snapshots, checked_by as checked, violations, doubts, checked as examined, touched, proven, host,
       current_database() as name, current_setting('server_version') as server
     from verification_run where id = $1`,
    [runId],
  );
  if (run === undefined) throw new Error(`run ${runId} is not recorded`);
  const parts = await readParts(tx, runId);
  const since = await readSince(tx, runId);
  const { name, server, examined, touched, proven, ...facts } = run;
  return {
    schemaVersion: 1,
    mode: 'nightly',
    runId,
    ...facts,
    parts: parts.map(({ name, snapshot, takenAt, durationMs }) => ({ name, snapshot, takenAt, durationMs })),
    perInvariant: findingsOf(
      parts.flatMap((part) => part.findings),
      since,
    ),
    score: { examined, touched, lowerBound95: proven },
    history: await readHistory(tx, runId),
    database: { name, server },
    version,
  };
}

type RunRow = Pick<
  NightlyReport,
  | 'startedAt'
  | 'finishedAt'
  | 'durationMs'
  | 'resumptions'
  | 'resumedAt'
  | 'snapshots'
  | 'checked'
  | 'violations'
  | 'doubts'
  | 'host'
> & {
  readonly examined: number;
  readonly touched: number;
  readonly proven: number;
  readonly name: string;
  readonly server: string;
};

const rebuilt = fromEventsRules.map((rule) => ({
  ...rule,
  class: 'I' as const,
  remedy: 'A table is not what its events and ledgers make of it: see which of the two was changed without the other.',
}));

/** In the order of the catalogue. */
const findingsOf = (shares: readonly PartFinding[], since: ReadonlyMap<string, string>): NightlyFinding[] =>
  [...asked, ...rebuilt].flatMap((invariant) => {
    const own = shares.filter((share) => share.code === invariant.code);
    if (own.length === 0) return [];
    const { code, severity, sentence, remedy } = invariant;
    const found = merged(own);
    return [
      {
        ...found,
        code,
        class: invariant.class,
        severity,
        sentence,
        sample: found.violators.slice(0, sampleSize),
        since: since.get(code) ?? null,
        remedy,
      },
    ];
  });

async function readSince(tx: Tx, runId: number): Promise<Map<string, string>> {
  const rows = await tx.query<{ code: string; since: string }>(
    `select code, ${utc('since')} as since from verification_finding where run_id = $1`,
    [runId],
  );
  return new Map(rows.map(({ code, since }) => [code, since]));
}

async function readHistory(tx: Tx, runId: number): Promise<PastNight[]> {
  const latestFirst = await tx.query<PastNight>(
    `select id as "runId", ${utc('started_at')} as "startedAt", status, duration_ms as "durationMs", checked, violations, jsonb_array_length(doubts) as doubts
     from verification_run where mode = 'nightly' and status <> 'RUNNING' and id <= $1 order by id desc limit ${nightsShown}`,
    [runId],
  );
  return latestFirst.reverse();
}
