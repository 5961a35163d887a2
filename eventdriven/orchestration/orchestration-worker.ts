import { currentDefinition } from '../../domain/saga-definitions.ts';
import { openConnection } from '../../runtime/database.ts';
import { losesAt } from '../../runtime/fault-points.ts';
import { openQueue, openWorker } from '../../runtime/queues.ts';
import { openRedis } from '../../runtime/redis.ts';
import { watchOpenWork } from '../open-work.ts';
import { defer } from '../saga/deferral.ts';
import { firstQueue } from '../saga/doorbell.ts';
import { type Envelope, unpack } from '../saga/envelope.ts';
import { openLanes } from '../saga/lanes.ts';
import { openRescuer } from '../saga/open-rescuer.ts';
import type { RescuedSaga } from '../saga/rescue-sql.ts';
import type { Saga } from '../saga/saga.ts';
import { settledPublisher } from '../saga/settled-channel.ts';
import { type KnowingOptions, versionsOf } from '../saga/versions.ts';
import { goBack, goForward, type Walked } from './orchestrator.ts';

/** More sagas than this in one process wait in the queue, so that memory and batches stay bounded. */
const maxActive = 4_000;
/** Jobs taken over at once. A job is done as soon as its sagas are in hand: Postgres, not the job, remembers them. */
const jobConcurrency = 1;

/** One orchestrator: woken by the doorbell, walks every saga through its boundaries, tells the routers how it ended. */
export async function startOrchestration({
  config,
  metrics,
  log,
  definitions,
}: KnowingOptions): Promise<{ stop(): Promise<void> }> {
  const engine = 'orchestration';
  const active = new Map<number, symbol>(); // saga -> the walk that has it in hand
  const walks = new Set<Promise<void>>();
  const complain = (error: unknown) => {
    log.warn({ err: error }, 'Redis is not answering; sagas wait in Postgres');
  };
  const versions = versionsOf(definitions);
  const lanes = await openLanes({
    config,
    metrics,
    engine,
    worker: config.workerId,
    definitions,
    current: currentDefinition(config.cut, definitions),
    runs: () => true,
    inFlight: () => active.size,
  });
  const db = await openConnection(
    { url: config.databaseUrl, timeoutMs: 5_000, pinnedPlans: true, applicationName: 'sagashift orchestration rescue' },
    metrics,
  );
  const redis = openRedis(config.redisUrl, 'orchestration settled', complain);
  const settled = settledPublisher(redis, config.keyPrefix, complain, losesAt(config.fault, 'reply-lost'));

  const walk = async (saga: Saga, work: () => Promise<Walked>): Promise<void> => {
    try {
      const end = await work();
      if (end !== null) {
        settled.add(end);
        metrics.sagaCompleted.inc({ style: engine, outcome: end.kind === 'paid' ? 'paid' : 'rejected' });
        if (end.kind === 'refused') metrics.sagaFailed.inc({ style: engine, reason: end.code });
      }
      lanes.times.final(saga.sagaId);
    } catch (error) {
      lanes.times.forget(saga.sagaId);
      await defer(db, log, config.saga.backoff, saga, error);
    }
  };
  const take = (saga: Saga, work: () => Promise<Walked>): void => {
    const mine = Symbol('walk');
    active.set(saga.sagaId, mine);
    const walking: Promise<void> = walk(saga, work).finally(() => {
      walks.delete(walking);
      if (active.get(saga.sagaId) === mine) active.delete(saga.sagaId);
    });
    walks.add(walking);
  };
  const takeOver = ({ saga, status, currentStep }: RescuedSaga): void => {
    take(saga, async () => {
      const line = await lanes.of(saga.version);
      const position = line.findIndex((lane) => lane.boundary.name === currentStep) + 1;
      return status === 'RUNNING' ? goForward(line, saga, position) : goBack(line, saga, null);
    });
  };

  const rescuer = await openRescuer({
    ...{ config, db, engine, role: 'orchestrator', log, metrics },
    ...{ versions: versions.known, active: () => [...active.keys()] },
    ...{ jobsWait: () => worker.jobsWait, takeOver },
  });
  const queue = {
    redisUrl: config.redisUrl,
    prefix: `${config.keyPrefix}:bull`,
    name: firstQueue[engine],
    onError: complain,
  };
  const waiting = openQueue<Envelope>(queue);
  const openWork = watchOpenWork({ db, metrics, log, queues: [waiting], versions: versions.known });
  const worker = openWorker<Envelope>({ ...queue, concurrency: jobConcurrency }, async (job) => {
    while (walks.size >= maxActive) await Promise.race(walks);
    for (const saga of versions.mustKnow(unpack(job.data))) {
      if (!active.has(saga.sagaId)) take(saga, async () => goForward(await lanes.of(saga.version), saga, 0));
    }
  });
  return {
    async stop() {
      await worker.close();
      await Promise.all(walks);
      await rescuer.stop();
      await openWork.stop();
      await waiting.close();
      await settled.flushed();
      await lanes.stop();
      await db.close();
      redis.disconnect();
    },
  };
}
