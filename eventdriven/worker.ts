import type { Logger } from 'pino';

import type { Domain } from '../domain/cuts.ts';
import { type PaymentDefinition, paymentDefinitions } from '../domain/saga-definitions.ts';
import type { Config } from '../runtime/config.ts';
import { assertFaultAllowed } from '../runtime/fault-points.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { startChoreography } from './choreography/choreography-worker.ts';
import { startOrchestration } from './orchestration/orchestration-worker.ts';
import { installSabotage } from './saga/sabotage.ts';

export const workerRoles = ['orchestrator', 'order', 'balance', 'product', 'payment'] as const;
export type WorkerRole = (typeof workerRoles)[number];

export interface WorkerOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The versions of the payment's saga that it can run, default all there are. Sagas of another are left alone and reported. */
  readonly definitions?: readonly PaymentDefinition[];
}

/** Starts the saga workers of this process: the orchestrator, or any of the choreography's domains, or both. */
export async function startWorker(
  options: WorkerOptions & { readonly roles: readonly WorkerRole[] },
): Promise<{ stop(): Promise<void> }> {
  const { roles, config } = options;
  const knowing = { ...options, definitions: options.definitions ?? paymentDefinitions };
  await installSabotage(config);
  await assertFaultAllowed(config);
  const domains = roles.filter((role): role is Domain => role !== 'orchestrator');
  const started: { stop(): Promise<void> }[] = [];
  if (roles.includes('orchestrator')) started.push(await startOrchestration(knowing));
  if (domains.length > 0) started.push(await startChoreography(knowing, domains));
  return {
    async stop() {
      await Promise.all(started.map((one) => one.stop()));
    },
  };
}
