import { currentDefinition } from '../../domain/saga-definitions.ts';
import type { PaymentEngine, PayOrder, Submission } from '../../domain/payment-engine.ts';
import { type Connection, openConnection, sqlState } from '../../runtime/database.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { assertFaultAllowed } from '../../runtime/fault-points.ts';
import { openRedis, type Redis } from '../../runtime/redis.ts';
import { type Accepted, acceptSagas } from './accept-sql.ts';
import { Batcher } from './batcher.ts';
import { type Doorbell, openDoorbell, type Style } from './doorbell.ts';
import type { SagaEnd } from './saga.ts';
import { subscribeSettled } from './settled-channel.ts';
import { WaitingRoom } from './waiting-room.ts';

/** Accept transactions last at most 1 s; that bounds how long a router that was stopped can still start sagas. */
const acceptTimeoutMs = 1_000;
/** How long a stopping router still listens for the sagas it accepted. They end without it, too. */
const stopGraceMs = 5_000;
/** At most this many payments in one accepting transaction. */
const maxBatch = 64;

/**
 * The router's side of both sagas: accepts payments in batches, rings the worker, and waits for its word. The styles
 * differ only in whom the bell wakes.
 */
export function createSagaEngine(style: Style, ports: EnginePorts): PaymentEngine {
  const { config, metrics, log } = ports;
  const { version } = currentDefinition(config.cut);
  const connections: Connection[] = [];
  let redis: Redis | undefined;
  let doorbell: Doorbell | undefined;
  let room: WaitingRoom | undefined;
  let accepting: Batcher<PayOrder, Accepted> | undefined;
  let inFlight = 0;
  let stopped = false;
  const complain = (error: unknown) => {
    log.warn({ err: error, style }, 'the settled channel failed; polling goes on');
  };

  async function accept(db: Connection, commands: readonly PayOrder[]): Promise<readonly Accepted[]> {
    const accepted = await acceptSagas(db, style, commands, config.saga.deadlineMs, version);
    const sagas = commands.flatMap(({ orderId, userId, couponId }, i) => {
      const answer = accepted[i];
      return answer?.verdict === 'CLAIMED'
        ? [{ sagaId: answer.sagaId, orderId, userId, couponId, epoch: 1, version }]
        : [];
    });
    if (sagas.length > 0) {
      metrics.sagaStarted.inc({ style }, sagas.length);
      metrics.accepted.inc({ engine: style }, sagas.length);
      doorbell?.ring(sagas);
    }
    return accepted;
  }

  return {
    name: style,

    async start() {
      await assertFaultAllowed(config);
      const options = { url: config.databaseUrl, pinnedPlans: true, applicationName: `sagashift ${style} accept` };
      const accepter = await openConnection({ ...options, timeoutMs: acceptTimeoutMs }, metrics);
      const poller = await openConnection({ ...options, timeoutMs: 5_000 }, metrics);
      connections.push(accepter, poller);
      accepting = new Batcher((commands) => accept(accepter, commands), {
        maxSize: () => Math.min(maxBatch, Math.ceil(inFlight / 4)),
        writers: 1,
        onRetry: (error) => {
          metrics.txRetries.inc({ sqlstate: sqlState(error) ?? 'unknown' });
        },
      });
      room = new WaitingRoom(poller, complain);
      const waiting = room;
      redis = openRedis(config.redisUrl, `${style} settled`, complain);
      await subscribeSettled(redis, config.keyPrefix, (end) => {
        waiting.call(end);
      });
      doorbell = openDoorbell(style, version, config, complain);
      room.start();
    },

    async submit(command, signal): Promise<Submission> {
      if (accepting === undefined || room === undefined || stopped) throw new Error(`${style} is not running`);
      signal.throwIfAborted();
      const began = performance.now();
      inFlight++;
      const leave = () => {
        inFlight--;
      };
      let accepted: Accepted;
      try {
        accepted = await accepting.add(command);
      } catch (error) {
        leave();
        throw error;
      }
      if (accepted.verdict !== 'CLAIMED') {
        leave();
        return { settled: Promise.resolve(notClaimed(accepted)) };
      }
      const { sagaId } = accepted;
      signal.addEventListener('abort', leave, { once: true });
      const settled = room.wait(command.orderId, sagaId, signal).then((end) => {
        signal.removeEventListener('abort', leave);
        leave();
        metrics.sagaTime.observe({ style }, (performance.now() - began) / 1_000);
        return toAnswer(style, command, end);
      });
      return { sagaId, settled };
    },

    async stop() {
      stopped = true;
      await accepting?.drained();
      await room?.emptied(stopGraceMs);
      await room?.stop();
      await doorbell?.close();
      redis?.disconnect();
      await Promise.all(connections.splice(0).map((db) => db.close()));
    },
  };
}

function notClaimed(accepted: Exclude<Accepted, { verdict: 'CLAIMED' }>) {
  if (accepted.verdict === 'FINAL') return accepted.answer;
  if (accepted.verdict === 'EMERGENCY') return { kind: 'reroute' } as const;
  const { code, sagaId } = accepted;
  return { kind: 'unchanged', code, ...(sagaId !== null && { sagaId }) } as const;
}

function toAnswer(engine: string, { route }: PayOrder, end: SagaEnd) {
  const shared = { engine, route, sagaId: end.sagaId };
  return end.kind === 'paid'
    ? ({ kind: 'paid', paymentId: end.paymentId, amount: end.amount, ...shared } as const)
    : ({ kind: 'refused', code: end.code, ...shared } as const);
}
