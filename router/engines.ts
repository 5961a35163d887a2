import { engines, type EngineName } from '../domain/engines.ts';
import type { PaymentEngine, Side } from '../domain/payment-engine.ts';
import type { Config } from '../runtime/config.ts';
import type { EnginePorts } from '../runtime/engine-ports.ts';
import { type Stoppable, stopInReverse } from '../runtime/lifecycle.ts';

interface EngineEntry {
  readonly open: (ports: EnginePorts) => Promise<PaymentEngine>;
  /** It writes the delivery log and has no worker that sends it: the router does. */
  readonly delivery?: true;
}

/** Bring your own: a line here, and its row in domain/engines.ts. Imported only when wanted, so a pinned router loads one. */
const entries: Readonly<Record<EngineName, EngineEntry>> = {
  legacy: { open: async (ports) => (await import('../legacy/index.ts')).createLegacyEngine(ports) },
  'legacy-lean': {
    open: async (ports) => (await import('../legacy/index.ts')).createLeanEngine(ports),
    delivery: true,
  },
  orchestration: {
    open: async (ports) => (await import('../eventdriven/index.ts')).createSagaEngine('orchestration', ports),
  },
  choreography: {
    open: async (ports) => (await import('../eventdriven/index.ts')).createSagaEngine('choreography', ports),
  },
};

export const sideOf = (name: EngineName): Side =>
  (engines.find((row) => row.name === name) as (typeof engines)[number]).side;

/** The engines this router sends to. Both sides are the same one when it is pinned. */
export interface RouterEngines extends Stoppable {
  readonly pinned: Side | undefined;
  on(side: Side): PaymentEngine;
}

/** Which engines a configuration asks for: the pinned one, or one per side. */
export function enginesOf(config: Config): { pinned: Side | undefined; names: Readonly<Record<Side, EngineName>> } {
  const { engine } = config;
  if (engine !== undefined) return { pinned: sideOf(engine), names: { legacy: engine, saga: engine } };
  return { pinned: undefined, names: { legacy: config.legacyEngine, saga: config.sagaEngine } };
}

/** Opens and starts them. `own` replaces engines by name: a test's, or a guest's. */
export async function startEngines(
  ports: EnginePorts,
  own: Partial<Record<EngineName, PaymentEngine>> = {},
): Promise<RouterEngines> {
  const { pinned, names } = enginesOf(ports.config);
  const started: Stoppable[] = [];
  const byName = new Map<EngineName, PaymentEngine>();
  try {
    for (const name of new Set(Object.values(names))) {
      const engine = own[name] ?? (await entries[name].open(ports));
      await engine.start();
      started.push(engine);
      byName.set(name, engine);
      if (entries[name].delivery && own[name] === undefined) {
        const { startDelivery } = await import('../eventdriven/index.ts');
        started.push(startDelivery(ports));
      }
    }
  } catch (error) {
    await stopInReverse(started);
    throw error;
  }
  return {
    pinned,
    on: (side) => byName.get(names[side]) as PaymentEngine,
    stop: () => stopInReverse(started),
  };
}
