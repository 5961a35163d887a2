import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, getNextMillis, Queue, Worker } from 'bullmq';
import { ConfigError } from '../../runtime/environment.ts';
import type { NightlyConfig } from '../../runtime/nightly-config.ts';
import { openPool } from '../../runtime/database.ts';
import type { Stoppable } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { showNightly } from '../../runtime/nightly-figures.ts';
import { redisReconnect } from '../../runtime/redis.ts';
import { NightlyInterrupted } from './nightly-interrupted.ts';
import { NightlyHeld } from './night-lock.ts';
import { runNightly } from './nightly.ts';
import { pruneOutputs, writeOutputs } from './outputs.ts';
import type { NightlyReport } from './report.ts';
import { readNightlyFigures } from './textfile.ts';
import { verdictSentence } from './wording.ts';
import { NotWritten } from './write-file.ts';

export interface NightlyScheduleOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly config: NightlyConfig;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Before a run that ended by a fault is gone on with, default 60 s; the tenth is the last. */
  readonly retryMs?: number;
  /** A Redis that was emptied has forgotten the schedule: it is looked for so often, default 30 s. */
  readonly lookMs?: number;
}

const name = 'nightly';
const attempts = 10;

/**
 * Runs the verification by the clock, one worker at a time however many processes schedule it: the job is one, and the run has its
 * lock. What a process leaves undone, by a fault or because it is stopped, is tried again and resumed. Rejects with a ConfigError when
 * the pattern makes no sense. Without a pattern it takes back the one that was set before.
 */
export async function startNightlySchedule(options: NightlyScheduleOptions): Promise<Stoppable> {
  const { redisUrl, keyPrefix, config, log } = options;
  const { cron, timeZone } = config;
  if (cron !== undefined) refuseNonsense(cron, timeZone);
  const connection = { url: redisUrl, maxRetriesPerRequest: null, retryStrategy: redisReconnect };
  const queue = new Queue(name, { connection, prefix: keyPrefix });
  queue.on('error', () => undefined); // It reconnects; what does not get through is tried again.
  const stopped = new AbortController();
  const figures = showFigures(options, stopped.signal);
  const worker = cron === undefined ? undefined : startWorker(options, connection, figures.show, stopped.signal);
  const keeping = keepScheduled(queue, options, stopped.signal);
  log.info({ cron: cron ?? 'off', timeZone }, 'nightly verification is scheduled');
  return {
    async stop() {
      stopped.abort();
      await worker?.close();
      await keeping;
      await queue.close();
      await figures.close();
    },
  };
}

/** BullMQ's own parser: Redis need not be there to tell that a pattern is wrong. */
function refuseNonsense(cron: string, timeZone: string): void {
  const why = reasonAgainst(cron, timeZone);
  if (why !== undefined)
    throw new ConfigError(`the environment can't be used:\n  SAGASHIFT_NIGHTLY_CRON: '${cron}' is no schedule: ${why}`);
}

function reasonAgainst(pattern: string, tz: string): string | undefined {
  try {
    return getNextMillis(Date.now(), { pattern, tz }) === undefined ? 'it never comes' : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Until it is told to stop: Redis may be away at the start, and may come back empty. */
async function keepScheduled(
  queue: Queue,
  { config: { cron, timeZone }, log, retryMs = 60_000, lookMs = 30_000 }: NightlyScheduleOptions,
  signal: AbortSignal,
): Promise<void> {
  const job = {
    name,
    opts: {
      attempts,
      backoff: { type: 'fixed', delay: retryMs },
      removeOnComplete: { count: 30 },
      removeOnFail: { count: 30 },
    },
  };
  // A command to a Redis that is away waits for it for ever; who stops does not.
  const aborted = sleep(2 ** 31 - 1, undefined, { signal, ref: false }).catch(() => undefined);
  while (!signal.aborted) {
    try {
      const scheduled = schedule();
      scheduled.catch(() => undefined);
      await Promise.race([scheduled, aborted]);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'the nightly verification could not be scheduled');
    }
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }

  async function schedule(): Promise<void> {
    if (cron === undefined) await queue.removeJobScheduler(name);
    else if (!(await isAsWanted())) await queue.upsertJobScheduler(name, { pattern: cron, tz: timeZone }, job);
  }
  async function isAsWanted(): Promise<boolean> {
    const there = await queue.getJobScheduler(name);
    return there?.pattern === cron && there?.tz === timeZone;
  }
}

/** With a lock, unlike the wake-up calls of payments: a night takes longer than a look for jobs that nobody works on. */
function startWorker(
  options: NightlyScheduleOptions,
  connection: ConnectionOptions,
  showFigures: () => Promise<void>,
  signal: AbortSignal,
): Worker {
  const worker = new Worker(
    name,
    async () => {
      await runOnce(options, signal);
      await showFigures();
    },
    {
      connection,
      prefix: options.keyPrefix,
      concurrency: 1,
      lockDuration: 30_000,
      stalledInterval: 30_000,
      maxStalledCount: attempts,
    },
  );
  worker.on('error', () => undefined);
  return worker;
}

async function runOnce({ databaseUrl, config, log }: NightlyScheduleOptions, signal: AbortSignal): Promise<void> {
  const { retentionDays, out } = config;
  const say = (line: string): void => {
    log.info(line);
  };
  try {
    const report = await runNightly(databaseUrl, { retentionDays, say }, signal);
    const { runId, violations, durationMs } = report;
    log[violations > 0 ? 'error' : 'info']({ runId, violations, durationMs }, verdictSentence(report));
    if (out !== undefined) await write(out, report, retentionDays, log);
  } catch (error) {
    if (error instanceof NightlyHeld) {
      log.info(error.message); // Whoever has it does the work.
      return;
    }
    if (error instanceof NightlyInterrupted) log.info(error.message);
    else log.error({ err: error }, 'the nightly verification ended by a fault; what it did is kept');
    throw error;
  }
}

/** A disk that is full does not undo what was found, and trying again would not mend it. */
async function write(out: string, report: NightlyReport, retentionDays: number, log: Logger): Promise<void> {
  try {
    await writeOutputs(out, report);
    await pruneOutputs(out, report, retentionDays);
  } catch (error) {
    if (!(error instanceof NotWritten)) throw error;
    log.error({ runId: report.runId }, error.message);
  }
}

/** For whoever scrapes this process: what the last night found, from its start on and after each run of its own. */
function showFigures({ databaseUrl, metrics, config, log }: NightlyScheduleOptions, signal: AbortSignal) {
  const pool = openPool({ url: databaseUrl, size: 1, timeoutMs: 10_000, applicationName: 'sagashift-nightly' });
  const show = async (): Promise<void> => {
    try {
      showNightly(metrics, await readNightlyFigures(pool), config.expectedHours);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'the figures of the nightly verification are stale');
    }
  };
  const first = show();
  return {
    show,
    async close() {
      await first;
      await pool.close();
    },
  };
}
