import type { ArmEngine } from '../scenarios.ts';

/** One Node process of an arm. */
export interface ProcessPlan {
  readonly name: string;
  readonly kind: 'router' | 'worker';
  readonly script: string;
  readonly args: readonly string[];
  readonly connections: number;
}

/** Every arm gets as much: two Node processes of 16 connections each. */
const connectionsPerProcess = 16;

const router = (name: string, engine: ArmEngine): ProcessPlan => ({
  name,
  kind: 'router',
  script: 'router/main.ts',
  args: engine === 'coexist' ? [] : ['--engine', engine],
  connections: connectionsPerProcess,
});

const worker = (roles: readonly string[]): ProcessPlan => ({
  name: `service ${roles.join(' ')}`,
  kind: 'worker',
  script: 'scripts/service.ts',
  args: roles,
  connections: connectionsPerProcess,
});

/** A monolith scales by a second copy behind the same load; a saga by a process that works off what the router accepts. */
export const topologies: Readonly<Record<ArmEngine, readonly ProcessPlan[]>> = {
  legacy: [router('router 1', 'legacy'), router('router 2', 'legacy')],
  'legacy-lean': [router('router 1', 'legacy-lean'), router('router 2', 'legacy-lean')],
  orchestration: [router('router', 'orchestration'), worker(['orchestrator'])],
  choreography: [router('router', 'choreography'), worker(['order', 'balance', 'product', 'payment'])],
  coexist: [router('router', 'coexist'), worker(['orchestrator'])],
};

/** Engines whose work an arm must show; of `coexist` both. */
export const enginesOf = (engine: ArmEngine): readonly string[] =>
  engine === 'coexist' ? ['legacy', 'orchestration'] : [engine];

export const connectionsOf = (engine: ArmEngine): number =>
  topologies[engine].reduce((sum, plan) => sum + plan.connections, 0);

export const describeTopology = (engine: ArmEngine): string =>
  `${engine}: ${topologies[engine].map((plan) => `${plan.name} (${plan.connections} connections)`).join(' + ')}`;
