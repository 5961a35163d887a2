import type { Domain } from '../../domain/cuts.ts';
import { currentDefinition } from '../../domain/saga-definitions.ts';
import { openConnection } from '../../runtime/database.ts';
import { losesAt } from '../../runtime/fault-points.ts';
import { openQueue, openWorker } from '../../runtime/queues.ts';
import { openRedis } from '../../runtime/redis.ts';
import { watchOpenWork } from '../open-work.ts';
import { defer } from '../saga/deferral.ts';
import { requested } from '../saga/doorbell.ts';
import { type Envelope, unpack } from '../saga/envelope.ts';
import { openLanes } from '../saga/lanes.ts';
import { openRescuer } from '../saga/open-rescuer.ts';
import type { RescuedSaga } from '../saga/rescue-sql.ts';
import type { Saga } from '../saga/saga.ts';
import { settledPublisher } from '../saga/settled-channel.ts';
import { type KnowingOptions, versionsOf } from '../saga/versions.ts';
import { openEmitter } from './emitter.ts';
import { type Reaction, reactionsOf, reactionTo, type Topic } from './reactions.ts';
import { react } from './reactor.ts';

/** More than this in one process wait in the queues. */
const maxActive = 4_000;
const jobConcurrency = 16;

/** The domains that this process plays. Nobody conducts: each reacts to what another said, see `reactionsOf`. */
export async function startChoreography(
  { config, metrics, log, definitions }: KnowingOptions,
  domains: readonly Domain[],
): Promise<{ stop(): Promise<void> }> {
  const engine = 'choreography';
  const versions = versionsOf(definitions);
  const reactions = new Map(definitions.map(({ version, cut }) => [version, reactionsOf(cut)]));
  const active = new Map<number, { readonly sagaId: number; readonly heard: Promise<void> }>();
  const complain = (error: unknown) => {
    log.warn({ err: error }, 'Redis is not answering; sagas wait in Postgres');
  };
  // No worker owns a saga here: between two boundaries it is nobody's. If no worker says it has it in hand, its event got lost.
  // What is in hand here is only a part of what is in flight: the rest is on its way in envelopes, hence twice.
  const lanes = await openLanes({
    ...{ config, metrics, engine, worker: null, definitions },
    current: currentDefinition(config.cut, definitions),
    runs: (boundary) => domains.includes(boundary.domain),
    inFlight: () => 2 * active.size,
  });
  const db = await openConnection(
    { url: config.databaseUrl, timeoutMs: 5_000, pinnedPlans: true, applicationName: 'sagashift choreography rescue' },
    metrics,
  );
  const redis = openRedis(config.redisUrl, 'choreography settled', complain);
  const settled = settledPublisher(redis, config.keyPrefix, complain, losesAt(config.fault, 'reply-lost'));
  const emitter = openEmitter(reactions, config, complain);

  const hear = async (reaction: Reaction, saga: Saga): Promise<void> => {
    try {
      const lane = (await lanes.of(saga.version)).find((one) => one.boundary.name === reaction.boundary.name);
      if (lane === undefined) return;
      const said = await react(reaction, lane, saga);
      if (said === null) return;
      if (said.end) {
        settled.add(said.end);
        lanes.times.final(saga.sagaId);
        metrics.sagaCompleted.inc({ style: engine, outcome: said.end.kind === 'paid' ? 'paid' : 'rejected' });
        if (said.end.kind === 'refused') metrics.sagaFailed.inc({ style: engine, reason: said.end.code });
      }
      emitter.emit(said.topic, said.saga); // To nobody, when it was the last.
    } catch (error) {
      await defer(db, log, config.saga.backoff, saga, error);
    }
  };
  const take = (reaction: Reaction, saga: Saga): void => {
    // Keyed by turn, not by saga: the same saga may be heard of twice, and the receipt decides.
    const turn = ++turns;
    const heard = hear(reaction, saga).finally(() => active.delete(turn));
    active.set(turn, { sagaId: saga.sagaId, heard });
  };
  let turns = 0;
  const takeOver = ({ saga, status, currentStep }: RescuedSaga): void => {
    const cut = definitions.find(({ version }) => version === saga.version)?.cut ?? [];
    const passed = cut.find((boundary) => boundary.name === currentStep)?.events.passed;
    const topic: Topic = status === 'RUNNING' ? (passed ?? requested) : (cut[0]?.events.refused ?? 'order.rejected');
    emitter.emit(topic, saga);
  };

  const rescuer = await openRescuer({
    config,
    db,
    engine,
    role: domains.join(' '),
    log,
    metrics,
    versions: versions.known,
    active: () => [...new Set(Array.from(active.values(), ({ sagaId }) => sagaId))],
    jobsWait: () => workers.some((worker) => worker.jobsWait),
    takeOver,
  });
  const queueOf = (name: Domain) => ({
    redisUrl: config.redisUrl,
    prefix: `${config.keyPrefix}:bull`,
    name,
    onError: complain,
  });
  const waiting = domains.map((name) => openQueue<Envelope>(queueOf(name)));
  const openWork = watchOpenWork({ db, metrics, log, queues: waiting, versions: versions.known });
  const workers = domains.map((name) =>
    openWorker<Envelope>({ ...queueOf(name), concurrency: jobConcurrency }, async (job) => {
      const sagas = versions.mustKnow(unpack(job.data));
      while (active.size >= maxActive) await Promise.race(Array.from(active.values(), ({ heard }) => heard));
      for (const saga of sagas) {
        const reaction = reactionTo(reactions.get(saga.version), job.name);
        if (reaction === undefined) throw new Error(`no domain reacts to '${job.name}'`);
        take(reaction, saga);
      }
    }),
  );
  return {
    async stop() {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(Array.from(active.values(), ({ heard }) => heard));
      await rescuer.stop();
      await openWork.stop();
      await Promise.all(waiting.map((queue) => queue.close()));
      await settled.flushed();
      await emitter.close();
      await lanes.stop();
      await db.close();
      redis.disconnect();
    },
  };
}
