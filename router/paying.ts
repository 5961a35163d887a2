import type { PaymentEngine, PayOrder } from '../domain/payment-engine.ts';
import type { Logger } from '../runtime/log.ts';
import type { RouterEngines } from './engines.ts';
import { type ClientAnswer, routeOf } from './payment-answers.ts';
import type { PaymentMetrics } from './payment-metrics.ts';
import type { Routing } from './routing.ts';

export interface PayingPorts {
  readonly routing: Routing;
  readonly engines: RouterEngines;
  readonly counts: PaymentMetrics;
  readonly log: Logger;
}

/** A payment that an engine has taken on. */
export interface Begun {
  readonly command: PayOrder;
  readonly engine: PaymentEngine;
  readonly sagaId: number | undefined;
  readonly final: Promise<Final>;
}

export interface Final {
  readonly command: PayOrder;
  readonly engine: PaymentEngine;
  readonly answer: ClientAnswer;
}

/** Routes the order and hands it to its engine. Rejects with the engine's fault when nothing is known to be accepted. */
export async function begin(
  order: Omit<PayOrder, 'route'>,
  ports: PayingPorts,
  signal: AbortSignal,
  emergency = false,
): Promise<Begun> {
  const route = await ports.routing(order.userId, emergency);
  const engine = ports.engines.on(route.side);
  const command: PayOrder = { orderId: order.orderId, userId: order.userId, couponId: order.couponId, route };
  ports.counts.inWork(route.side, 1);
  const { sagaId, settled } = await engine.submit(command, signal).catch(failed);
  const final = settled.then((answer) => (answer.kind === 'reroute' ? again() : done(answer)), failed);
  return { command, engine, sagaId, final };

  function failed(error: unknown): never {
    ports.counts.inWork(route.side, -1);
    throw error;
  }

  function done(answer: ClientAnswer): Final {
    ports.counts.inWork(route.side, -1);
    // Only now is it known whether the order had a route already.
    const decided = answer.kind === 'unchanged' ? route : routeOf(answer);
    ports.counts.decided(decided);
    // Asked first: building the line costs more than the decision.
    if (ports.log.isLevelEnabled('debug')) {
      const { kind } = answer;
      const code = 'code' in answer ? answer.code : undefined;
      ports.log.debug(
        { orderId: command.orderId, sagaId, engine: engine.name, ...decided, kind, code },
        'payment decided',
      );
    }
    return { command, engine, answer };
  }

  /** The rollback was switched on after this router had looked: nothing has changed, so the policy is asked again. */
  async function again(): Promise<Final> {
    ports.counts.inWork(route.side, -1);
    if (emergency) throw new Error(`${engine.name} sent a payment back that was routed under the emergency rollback`);
    return (await begin(order, ports, signal, true)).final;
  }
}
