import type { Services } from '../../runtime/services/services.ts';
import { describeTopology } from '../arms/topology.ts';
import { describeMachine, isBusy } from '../preflight/machine.ts';
import { describeServers } from '../preflight/servers.ts';
import type { ChaosResult } from './chaos-result.ts';
import type { Style } from './stack.ts';

/** What it was run on, for who reads the recovery times. */
export async function describeEnvironment(
  { databaseUrl, redisUrl, how }: Services,
  styles: readonly Style[],
): Promise<NonNullable<ChaosResult['environment']>> {
  const machine = describeMachine();
  const { postgres, redis } = await describeServers(databaseUrl, redisUrl, how);
  return { ...machine, busy: isBusy(machine), postgres, redis, topology: styles.map(describeTopology) };
}
