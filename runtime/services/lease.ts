import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { endProcess, identify, isAlive, pidScope } from './processes.ts';
import { startWatchdog } from './watchdog.ts';

const processId = z.object({ pid: z.number().int().positive(), startedAt: z.string() });
const record = z.object({
  scope: z.string(),
  owner: processId,
  children: z.array(processId.extend({ signal: z.enum(['SIGQUIT', 'SIGTERM']) })),
});
type LeaseRecord = z.infer<typeof record>;
/** How a child is ended in a hurry; its data is thrown away. */
type EndSignal = LeaseRecord['children'][number]['signal'];

/** One running set of services: its directory, and beside it a file that says who owns it and what it started. */
export interface Lease {
  readonly dir: string;
  /** Of this lease and no other. */
  readonly name: string;
  addChild(pid: number | undefined, signal: EndSignal): void;
  /** Containers that carry `label` are removed when we die; `engine` is their DOCKER_HOST. */
  addContainers(engine: string, label: string): void;
  /** Removes directory, then file: what is left half done is found by the next sweep. */
  release(): void;
}

/** A lease of another machine or container is left alone for so long: whether its owner lives can't be seen from here. */
const foreignLimitMs = 24 * 3_600_000;

export function takeLease(root: string): Lease {
  const owner = identify(process.pid);
  if (owner === undefined) throw new Error('the start time of this process is unknown');
  const name = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const [dir, file] = [join(root, name), join(root, `${name}.lease.json`)];
  const lease: LeaseRecord = { scope: pidScope(), owner, children: [] };
  const save = (): void => {
    writeFileSync(`${file}.new`, JSON.stringify(lease));
    renameSync(`${file}.new`, file);
  };
  save(); // Before the directory, so that there is never a directory that nobody answers for.
  mkdirSync(dir, { mode: 0o755 });
  const watchdog = startWatchdog(dir, file);
  return {
    dir,
    name,
    addContainers: watchdog.watchContainers,
    addChild(pid, signal) {
      const child = pid === undefined ? undefined : identify(pid);
      if (child === undefined) return; // Ended already; whoever waits for it will see.
      lease.children.push({ ...child, signal });
      save();
      watchdog.watch(child.pid, signal);
    },
    release() {
      discard(dir, file);
      watchdog.stop();
    },
  };
}

/** Ends what dead owners left running and removes their data. Leases of the living are not touched. Returns how many were dead. */
export async function sweepLeases(root: string): Promise<number> {
  let swept = 0;
  for (const entry of readdirSync(root).filter((name) => name.endsWith('.lease.json'))) {
    const file = join(root, entry);
    const lease = read(file);
    if (lease === undefined || !isAbandoned(lease, file)) continue;
    if (lease.scope === pidScope()) await Promise.all(lease.children.map((child) => endProcess(child, child.signal)));
    discard(file.slice(0, -'.lease.json'.length), file);
    swept += 1;
  }
  return swept;
}

function isAbandoned(lease: LeaseRecord, file: string): boolean {
  if (lease.scope === pidScope()) return !isAlive(lease.owner);
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > foreignLimitMs;
}

function read(file: string): LeaseRecord | undefined {
  try {
    return record.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined; // Swept by another run meanwhile, or not a lease of ours.
  }
}

function discard(dir: string, file: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  rmSync(file, { force: true });
}
