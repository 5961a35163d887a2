import type { Domain } from '../../domain/cuts.ts';
import type { Config } from '../../runtime/config.ts';
import { faultyJobs } from '../../runtime/fault-points.ts';
import { openQueue } from '../../runtime/queues.ts';
import { type Envelope, pack } from '../saga/envelope.ts';
import type { Saga } from '../saga/saga.ts';
import { type Reaction, reactionTo, type Topic } from './reactions.ts';

export interface Emitter {
  /** Says what happened to a saga, at the end of this turn and in one envelope with everything that says the same. */
  emit(topic: Topic, saga: Saga): void;
  close(): Promise<void>;
}

/** One queue per domain. A lost envelope costs time, not payments: the rescuer says it again. `reactions`: by version. */
export function openEmitter(
  reactions: ReadonlyMap<number, readonly Reaction[]>,
  config: Config,
  onError: (error: unknown) => void,
): Emitter {
  const domains = [...new Set<Domain>([...reactions.values()].flat().map((reaction) => reaction.domain))];
  const queues = new Map(
    domains.map((name) => [
      name,
      faultyJobs(
        openQueue<Envelope>({ redisUrl: config.redisUrl, prefix: `${config.keyPrefix}:bull`, name, onError }),
        config.fault,
      ),
    ]),
  );
  const waiting = new Map<string, { topic: Topic; version: number; sagas: Saga[] }>();
  const sending = new Set<Promise<unknown>>();
  const flush = () => {
    for (const { topic, version, sagas } of waiting.values()) {
      const reaction = reactionTo(reactions.get(version), topic);
      const queue = reaction && queues.get(reaction.domain);
      if (queue === undefined) continue;
      const sent: Promise<unknown> = queue
        .add(topic, pack(version, sagas), { removeOnComplete: true })
        .catch(onError)
        .finally(() => sending.delete(sent));
      sending.add(sent);
    }
    waiting.clear();
  };
  return {
    emit(topic, saga) {
      if (waiting.size === 0) setImmediate(flush);
      const { version } = saga;
      const same = waiting.get(`${version} ${topic}`);
      if (same) same.sagas.push(saga);
      else waiting.set(`${version} ${topic}`, { topic, version, sagas: [saga] });
    },
    async close() {
      flush();
      await Promise.all(sending);
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
