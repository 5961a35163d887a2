import { z } from 'zod';
import type { DockerEngine } from './docker-engine.ts';
import { identify, isAlive, pidScope } from './processes.ts';

/** On every container of ours; one without it is never touched. */
const ownerLabel = 'sagashift.owner';
export const leaseLabel = 'sagashift.lease';

const owner = z.object({ scope: z.string(), pid: z.number().int().positive(), startedAt: z.string() });
type Listed = Awaited<ReturnType<DockerEngine['docker']['listContainers']>>[number];

/** Of an owner on another machine or in another container: whether it lives can't be seen from here. */
const foreignLimitMs = 24 * 3_600_000;

export const labelsOf = (leaseName: string): Readonly<Record<string, string>> => ({
  [leaseLabel]: leaseName,
  [ownerLabel]: JSON.stringify({ scope: pidScope(), ...identify(process.pid) }),
});

/** Removes the containers, running or not, of owners that are dead. Those of the living stay. Returns how many there were. */
export async function sweepContainers(docker: DockerEngine['docker']): Promise<number> {
  const ours = await docker.listContainers({ all: true, filters: { label: [leaseLabel] } });
  const dead = ours.filter(isAbandoned);
  await Promise.all(dead.map(({ Id }) => removeContainer(docker, Id)));
  return dead.length;
}

function isAbandoned({ Labels, Created }: Listed): boolean {
  const who = readOwner(Labels[ownerLabel]);
  if (who === undefined) return false; // Another version's, perhaps.
  return who.scope === pidScope() ? !isAlive(who) : Date.now() - Created * 1_000 > foreignLimitMs;
}

function readOwner(text: string | undefined): z.infer<typeof owner> | undefined {
  try {
    return owner.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/** All that a lease has, also what was created and not yet known here. */
export async function removeContainersOf(docker: DockerEngine['docker'], leaseName: string): Promise<void> {
  const all = await docker.listContainers({ all: true, filters: { label: [`${leaseLabel}=${leaseName}`] } });
  await Promise.all(all.map(({ Id }) => removeContainer(docker, Id)));
}

const goneOrGoing = [404, 409];

/** At once, with its data: nobody wants it any more. */
async function removeContainer(docker: DockerEngine['docker'], id: string): Promise<void> {
  try {
    await docker.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    if (!goneOrGoing.includes((error as { statusCode?: number }).statusCode ?? 0)) throw error;
  }
}
