import type { EngineName } from '../../domain/engines.ts';
import type { Answer, PaymentEngine } from '../../domain/payment-engine.ts';
import { createSagaEngine, startWorker, type WorkerRole } from '../../eventdriven/index.ts';
import { createLeanEngine, createLegacyEngine } from '../../legacy/index.ts';
import type { Config } from '../../runtime/config.ts';
import type { EnginePorts } from '../../runtime/engine-ports.ts';
import { portsOn } from '../contract/engine-ports.ts';
import { freshRedis } from '../support/services.ts';

export interface Payable {
  readonly id: number;
  readonly userId: number;
  readonly couponId?: number | null;
}

/** Engines of this process on one database, with their workers. */
export interface EnginesAtOnce {
  readonly ports: EnginePorts;
  pay(engine: EngineName, order: Payable): Promise<Answer>;
  /** Tries again after a serialization failure or deadlock, by SQLSTATE. */
  retries(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

const create: Readonly<Record<EngineName, (ports: EnginePorts) => PaymentEngine>> = {
  legacy: createLegacyEngine,
  'legacy-lean': createLeanEngine,
  orchestration: (ports) => createSagaEngine('orchestration', ports),
  choreography: (ports) => createSagaEngine('choreography', ports),
};
const rolesOf: Partial<Readonly<Record<EngineName, readonly WorkerRole[]>>> = {
  orchestration: ['orchestrator'],
  choreography: ['order', 'balance', 'product', 'payment'],
};

export async function startEngines(
  databaseUrl: string,
  names: readonly EngineName[],
  overrides: Partial<Config> = {},
): Promise<EnginesAtOnce> {
  const ports = portsOn(databaseUrl, freshRedis(), overrides);
  const roles = names.flatMap((name) => rolesOf[name] ?? []);
  const worker = await startWorker({ ...ports, roles });
  const engines = new Map(names.map((name) => [name, create[name](ports)]));
  for (const engine of engines.values()) await engine.start();
  return {
    ports,
    async pay(name, { id: orderId, userId, couponId = null }) {
      const engine = engines.get(name);
      if (engine === undefined) throw new Error(`${name} was not started`);
      const side = name.startsWith('legacy') ? 'legacy' : 'saga';
      const route = { side, reason: 'pinned', bucket: userId % 100, version: 1 } as const;
      return (await engine.submit({ orderId, userId, couponId, route }, new AbortController().signal)).settled;
    },
    async retries() {
      const { values } = await ports.metrics.txRetries.get();
      return Object.fromEntries(values.map(({ labels, value }) => [String(labels.sqlstate), value]));
    },
    async stop() {
      for (const engine of engines.values()) await engine.stop();
      await worker.stop();
    },
  };
}
