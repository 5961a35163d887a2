import type { EngineName } from '../../domain/engines.ts';
import type { Config } from '../../runtime/config.ts';
import { diesAt, faultyJobs } from '../../runtime/fault-points.ts';
import { openQueue } from '../../runtime/queues.ts';
import { type Envelope, pack } from './envelope.ts';
import type { Saga } from './saga.ts';

export type Style = Extract<EngineName, 'orchestration' | 'choreography'>;

/** The queue that hears of new sagas: the orchestrator's, or the first domain's. */
export const firstQueue: Readonly<Record<Style, string>> = { orchestration: 'orchestration', choreography: 'order' };

/** What a job with newly accepted sagas is called, in both styles. */
export const requested = 'payment.requested';

export interface Doorbell {
  /** One job for everything that was accepted together. A lost ring costs time, not payments: the rescuer finds the sagas. */
  ring(sagas: readonly Saga[]): void;
  close(): Promise<void>;
}

/** It rings for sagas of this version. */
export function openDoorbell(
  style: Style,
  version: number,
  config: Config,
  onError: (error: unknown) => void,
): Doorbell {
  const { redisUrl, keyPrefix, fault } = config;
  const bell = { redisUrl, prefix: `${keyPrefix}:bull`, name: firstQueue[style], onError };
  const queue = faultyJobs(openQueue<Envelope>(bell), fault);
  const [beforeEnqueue, afterEnqueue] = [diesAt(fault, 'accept-before-enqueue'), diesAt(fault, 'accept-after-enqueue')];
  const ringing = new Set<Promise<unknown>>();
  return {
    ring(sagas) {
      beforeEnqueue(sagas.length);
      const sent: Promise<unknown> = queue
        .add(requested, pack(version, sagas), { removeOnComplete: true })
        .then(() => afterEnqueue(sagas.length))
        .catch(onError)
        .finally(() => ringing.delete(sent));
      ringing.add(sent);
    },
    async close() {
      await Promise.all(ringing);
      await queue.close();
    },
  };
}
