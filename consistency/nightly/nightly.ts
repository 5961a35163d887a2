import { hostname } from 'node:os';
import { type Connection, openPool, type Pool } from '../../runtime/database.ts';
import { assertOurs } from '../../runtime/databases.ts';
import { invariants } from '../invariants.ts';
import { type Canceller, cancelOnAbort } from '../cancel-on-abort.ts';
import { gapSentence, gapsOf } from '../gaps.ts';
import { workedOn } from '../order-counts.ts';
import { passSettings } from '../pass-settings.ts';
import { scoreOf } from '../score.ts';
import { lookAround } from '../surroundings.ts';
import { assertFit } from '../unfit.ts';
import { fromEventsRules } from '../from-events/rules.ts';
import { NightlyInterrupted } from './nightly-interrupted.ts';
import { openNightSession } from './night-lock.ts';
import { asked, catalogueId, merged, type Part, type PartFinding, partsOf } from './part.ts';
import { type NightlyReport, readReport } from './report.ts';
import {
  abandonRun,
  countTouched,
  type DonePart,
  findOpenRun,
  finishRun,
  insertRun,
  ordersAtStart,
  pruneRuns,
} from './runs-sql.ts';
import { type OpenRun, readParts, resumeRun, savePart } from './runs-sql.ts';

export interface NightlyOptions {
  /** Rebuild orders, balances and stocks from their events too. Default: no. */
  readonly fromEvents?: boolean;
  /** A run that was begun longer ago is not resumed but begun anew. Default 12. */
  readonly abandonAfterHours?: number;
  /** Recorded runs that are older are removed. Default 400. */
  readonly retentionDays?: number;
  /** One sentence on what becomes of what an earlier start has left. */
  readonly say?: (line: string) => void;
}

export const nightlyDefaults = { abandonAfterHours: 12, retentionDays: 400 } as const;

/**
 * The run of this night: goes on with one that a crash has left, else begins. Each part is examined in one snapshot, reading only, and
 * kept as soon as it is done. Throws NightlyHeld when another run is on, NightlyInterrupted when told to stop, NotOursError on a
 * database that is not ours; anything else is a fault. After each of them the next start goes on with what is left.
 */
export async function runNightly(url: string, options: NightlyOptions, signal: AbortSignal): Promise<NightlyReport> {
  const { fromEvents = false, retentionDays = nightlyDefaults.retentionDays } = options;
  await assertOurs(url);
  const session = await openNightSession(url);
  try {
    await assertFit(session, { record: false });
    const parts = partsOf(fromEvents);
    const { id, done } = await beginOrResume(session, options, parts.length);
    const left = parts.filter(({ name }) => !done.includes(name));
    await examineAll({ session, url, signal, runId: id }, left, parts.length);
    await finish(session, id);
    await pruneRuns(session, retentionDays);
    return await readReport(session, id);
  } finally {
    await session.close();
  }
}

async function beginOrResume(
  session: Connection,
  { abandonAfterHours = nightlyDefaults.abandonAfterHours, say = () => undefined }: NightlyOptions,
  parts: number,
): Promise<Pick<OpenRun, 'id' | 'done'>> {
  const self = { host: hostname(), pid: process.pid };
  const open = await findOpenRun(session);
  const why = open && reasonToAbandon(open, abandonAfterHours);
  if (open !== undefined && why === undefined) {
    await resumeRun(session, open.id, self);
    say(`${named(open)} goes on: ${open.done.length} of ${parts} parts were done`);
    return open;
  }
  if (open !== undefined) {
    await abandonRun(session, open.id);
    say(`${named(open)} is abandoned, ${why}: a new one begins`);
  }
  return { id: await insertRun(session, self, catalogueId, await lookAround(session)), done: [] };
}

function reasonToAbandon({ hoursOld, catalogue }: OpenRun, abandonAfterHours: number): string | undefined {
  if (hoursOld >= abandonAfterHours) return `it was begun ${Math.floor(hoursOld)} hours ago`;
  return catalogue === catalogueId ? undefined : 'another version asked other questions';
}

const named = ({ id, startedAt, host, pid }: OpenRun): string =>
  `run ${id} of ${startedAt.slice(0, 16).replace('T', ' ')} UTC (${host ?? 'unknown host'}, pid ${pid ?? 'unknown'})`;

interface Night {
  readonly session: Connection;
  readonly url: string;
  readonly runId: number;
  readonly signal: AbortSignal;
}

/** One connection, one part after the other: at night payments need the second core more than the verifier does. */
async function examineAll(night: Night, left: readonly Part[], of: number): Promise<void> {
  const pool = openPool({ url: night.url, size: 1, timeoutMs: partLimitMs, applicationName: 'sagashift-nightly' });
  const canceller = cancelOnAbort(night.url, night.signal);
  let done = of - left.length;
  try {
    for (const part of left) {
      if (night.signal.aborted) throw new NightlyInterrupted(night.runId, done, of);
      const result = await examine(pool, part, night, canceller).catch((error: unknown) => {
        throw night.signal.aborted ? new NightlyInterrupted(night.runId, done, of) : error;
      });
      await savePart(night.session, night.runId, result);
      done += 1;
    }
  } finally {
    await canceller.stop();
    await pool.close();
  }
}

/** A part that takes longer is a fault: the night is over before all of them are done. */
const partLimitMs = 3_600_000;

const examine = (pool: Pool, part: Part, { url, signal }: Night, canceller: Canceller): Promise<DonePart> =>
  pool.transaction(
    async (tx) => {
      const beganAt = performance.now();
      await tx.query(passSettings());
      const [at] = await tx.query<{ pid: number; snapshot: string; takenAt: string }>(
        `select pg_backend_pid() as pid, pg_current_snapshot()::text as snapshot, now()::text as "takenAt"`,
      );
      if (at === undefined) throw new Error('the snapshot has no name');
      canceller.watch(at.pid);
      const result = await part.examine(tx, url, signal);
      const { snapshot, takenAt } = at;
      return { ...result, name: part.name, snapshot, takenAt, durationMs: Math.round(performance.now() - beganAt) };
    },
    { isolation: 'repeatable read', readOnly: true },
  );

async function finish(session: Connection, runId: number): Promise<void> {
  const parts = await readParts(session, runId);
  const findings = byCode(parts.flatMap((part) => part.findings));
  const checkedBy = findings.find(({ code }) => code === everyOrder)?.examinedBy ?? {};
  await finishRun(session, runId, {
    checkedBy,
    violations: findings.reduce((sum, finding) => sum + finding.violations, 0),
    score: scoreOf(await countTouched(session, runId), workedOn(checkedBy)),
    doubts: gapsOf(asked, findings, await ordersAtStart(session, runId)).map(gapSentence),
    broken: findings
      .filter(({ violations }) => violations > 0)
      .map((finding) => ({
        ...finding,
        severity: severities.get(finding.code) ?? 'process',
        sample: finding.violators.slice(0, sampleSize),
      })),
  });
}

/** The invariant that is asked of every order, whatever its state. */
const everyOrder = 'P4';
const sampleSize = 5;
const severities = new Map([...invariants, ...fromEventsRules].map(({ code, severity }) => [code, severity]));

const byCode = (shares: readonly PartFinding[]): PartFinding[] =>
  [...new Set(shares.map(({ code }) => code))].map((code) => merged(shares.filter((share) => share.code === code)));
