import { type Domain, microTransactions, parseCut } from '../../domain/cuts.ts';
import { openConnection } from '../../runtime/database.ts';
import { openQueue, openWorker } from '../../runtime/queues.ts';
import { openRedis } from '../../runtime/redis.ts';
import { watchOpenWork } from '../open-work.ts';
import { defer } from '../saga/deferral.ts';
import { requested } from '../saga/doorbell.ts';
import { type Envelope, unpack } from '../saga/envelope.ts';
import type { Lane } from '../saga/lane.ts';
import { openLanes } from '../saga/lanes.ts';
import { openRescuer } from '../saga/open-rescuer.ts';
import type { RescuedSaga } from '../saga/rescue-sql.ts';
import type { Saga } from '../saga/saga.ts';
import { settledPublisher } from '../saga/settled-channel.ts';
import type { WorkerOptions } from '../worker.ts';
import { openEmitter } from './emitter.ts';
import { type Reaction, reactionsOf, reactionTo, type Topic } from './reactions.ts';
import { react } from './reactor.ts';

/** More than this in one process wait in the queues. */
const maxActive = 4_000;
const jobConcurrency = 16;

/** The domains that this process plays. Nobody conducts: each reacts to what another said, see `reactionsOf`. */
export async function startChoreography(
  { config, metrics, log }: WorkerOptions,
  domains: readonly Domain[],
): Promise<{ stop(): Promise<void> }> {
  const engine = 'choreography';
  const cut = config.cut === undefined ? microTransactions : parseCut(config.cut);
  const reactions = reactionsOf(cut);
  const active = new Map<number, Promise<void>>();
  const complain = (error: unknown) => {
    log.warn({ err: error }, 'Redis is not answering; sagas wait in Postgres');
  };
  const mine = cut.filter((boundary) => domains.includes(boundary.domain));
  // No worker owns a saga here: between two boundaries it is nobody's, and its age says that its event got lost.
  // What is in hand here is only a part of what is in flight: the rest is on its way in envelopes, hence twice.
  const lanes = await openLanes({ config, metrics, engine, worker: null, cut: mine, inFlight: () => 2 * active.size });
  const db = await openConnection(
    { url: config.databaseUrl, timeoutMs: 5_000, pinnedPlans: true, applicationName: 'sagashift choreography rescue' },
    metrics,
  );
  const redis = openRedis(config.redisUrl, 'choreography settled', complain);
  const settled = settledPublisher(redis, config.keyPrefix, complain);
  const emitter = openEmitter(reactions, config, complain);

  const hear = async (reaction: Reaction, lane: Lane, saga: Saga): Promise<void> => {
    try {
      const said = await react(reaction, lane, saga);
      if (said?.end) {
        settled.add(said.end);
        lanes.times.final(saga.sagaId);
        metrics.sagaCompleted.inc({ style: engine, outcome: said.end.kind === 'paid' ? 'paid' : 'rejected' });
        if (said.end.kind === 'refused') metrics.sagaFailed.inc({ style: engine, reason: said.end.code });
      } else if (said) emitter.emit(said.topic, said.saga);
    } catch (error) {
      await defer(db, log, saga, error);
    }
  };
  const take = (reaction: Reaction, saga: Saga): void => {
    const lane = lanes.all.find((one) => one.boundary.name === reaction.boundary.name);
    if (lane === undefined) return;
    // Keyed by turn, not by saga: the same saga may be heard of twice, and the receipt decides.
    const turn = ++turns;
    active.set(
      turn,
      hear(reaction, lane, saga).finally(() => active.delete(turn)),
    );
  };
  let turns = 0;
  const takeOver = ({ saga, status, currentStep }: RescuedSaga): void => {
    metrics.sagaRecovered.inc();
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
    active: new Map(),
    takeOver,
  });
  const queueOf = (name: Domain) => ({
    redisUrl: config.redisUrl,
    prefix: `${config.keyPrefix}:bull`,
    name,
    onError: complain,
  });
  const waiting = domains.map((name) => openQueue<Envelope>(queueOf(name)));
  const openWork = watchOpenWork({ db, metrics, log, queues: waiting });
  const workers = domains.map((name) =>
    openWorker<Envelope>({ ...queueOf(name), concurrency: jobConcurrency }, async (job) => {
      const reaction = reactionTo(reactions, job.name);
      if (reaction === undefined) throw new Error(`no domain reacts to '${job.name}'`);
      while (active.size >= maxActive) await Promise.race(active.values());
      for (const saga of unpack(job.data)) take(reaction, saga);
    }),
  );
  return {
    async stop() {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(active.values());
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
