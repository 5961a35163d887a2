import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Tx } from '../domain/ports.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { labelOf } from './delivery/target-urls.ts';

export interface OpenWorkOptions {
  readonly db: Tx;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly queues: readonly Queue[];
  /** Of the payment's saga, that this worker knows. */
  readonly versions: readonly number[];
}

/** How often the gauges are brought up to date: more often than anybody scrapes. */
const everyMs = 2_000;
const sagaStates = ['RUNNING', 'COMPENSATING'] as const;
const jobStates = ['waiting', 'active', 'delayed', 'failed'] as const;

interface Row {
  readonly running: number;
  readonly compensating: number;
  readonly attention: number;
  readonly strange: readonly number[] | null;
  readonly strangers: number;
  readonly oldest_seconds: number;
  readonly unpublished: number;
  readonly lag_seconds: number;
}

/** One statement over the partial indexes of what is open: costs nothing when nothing is. */
const openWork = `
  select count(*) filter (where s.status = 'RUNNING') as running, count(*) filter (where s.status = 'COMPENSATING') as compensating,
    count(*) filter (where s.attention_at is not null) as attention,
    count(*) filter (where s.definition_version <> all($1::int[])) as strangers,
    array_agg(distinct s.definition_version) filter (where s.definition_version <> all($1::int[])) as strange,
    coalesce(extract(epoch from now() - min(s.created_at)), 0)::float8 as oldest_seconds, e.unpublished, e.lag_seconds
  from (select count(*) as unpublished, coalesce(extract(epoch from now() - min(x.created_at)), 0)::float8 as lag_seconds
    from external_event_log x where x.status in ('PENDING', 'FAILED')) e
  left join saga_state s on s.status in ('RUNNING', 'COMPENSATING') group by e.unpublished, e.lag_seconds`;

/** Keeps the gauges of open sagas, undelivered events and waiting jobs. */
export function watchOpenWork(options: OpenWorkOptions): { refresh(): Promise<void>; stop(): Promise<void> } {
  const { metrics, queues, log } = options;
  const stopped = new AbortController();
  let strange = '';
  const refresh = async (): Promise<void> => {
    const found = await readDatabase(options);
    if (found !== strange && found !== '') log.warn({ versions: found }, 'sagas of an unknown version are left alone');
    strange = found;
    for (const queue of queues) {
      const counts = await queue.getJobCounts(...jobStates);
      for (const state of jobStates) metrics.queueJobs.set({ queue: queue.name, state }, counts[state] ?? 0);
      const [oldest] = await queue.getWaiting(0, 0);
      const ageMs = oldest === undefined ? 0 : Date.now() - oldest.timestamp;
      metrics.queueOldest.set({ queue: queue.name }, Math.max(0, ageMs) / 1_000);
    }
  };
  let stale = false; // Said once, not every two seconds for as long as the database is away.
  const loop = (async () => {
    for (;;) {
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      try {
        await refresh();
        stale = false;
      } catch (error) {
        if (!stale) log.warn({ err: error }, 'the gauges of open work are stale');
        stale = true;
      }
    }
  })();
  return {
    refresh,
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}

/** The versions that this worker does not know, as text. */
async function readDatabase({ db, metrics, versions }: OpenWorkOptions): Promise<string> {
  const [row] = await db.query<Row>(openWork, [versions]);
  if (row === undefined) return '';
  const open = { RUNNING: row.running, COMPENSATING: row.compensating };
  for (const status of sagaStates) metrics.sagaState.set({ status }, open[status]);
  metrics.sagaAttention.set(row.attention);
  metrics.sagaUnknownVersion.set(row.strangers);
  metrics.oldestOpen.set({ side: 'saga' }, row.oldest_seconds);
  metrics.outboxUnpublished.set(row.unpublished);
  metrics.outboxLag.set(row.lag_seconds);
  const deadByLabel = new Map<string, number>();
  const dead = await db.query<{ target: string; n: number }>(
    `select distinct r.target_system as target, (
       select count(*) from external_event_log x where x.target_system = r.target_system and x.status = 'DEAD_LETTER') as n
     from delivery_route r`,
  );
  for (const { target, n } of dead) deadByLabel.set(labelOf(target), (deadByLabel.get(labelOf(target)) ?? 0) + n);
  for (const [target, n] of deadByLabel) metrics.deadLetters.set({ target }, n);
  return row.strange?.join(', ') ?? '';
}
