import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { dropDatabase } from '../runtime/databases.ts';
import { endProcess, identify, isAlive, pidScope } from '../runtime/services/processes.ts';
import { deleteKeys } from './redis-keys.ts';
import { writeFileWhole } from './result-file.ts';

const processId = z.object({ pid: z.number(), startedAt: z.string() });
const recordSchema = z.object({
  scope: z.string(),
  owner: processId,
  processes: z.array(processId),
  databases: z.array(z.string()),
  keyPrefix: z.string(),
});

/** What a run has made and must undo, on disk while it lives, so that the next run can clean up after one that was killed. */
export interface RunRecord {
  addProcess(pid: number): void;
  addDatabase(name: string): void;
  /** Everything has been undone. */
  close(): void;
}

export function openRunRecord(directory: string, runId: string, keyPrefix: string): RunRecord {
  const owner = identify(process.pid);
  if (owner === undefined) throw new Error('the start time of this process is unknown');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${runId}.json`);
  const record: z.infer<typeof recordSchema> = { scope: pidScope(), owner, processes: [], databases: [], keyPrefix };
  const save = (): void => {
    writeFileWhole(file, JSON.stringify(record));
  };
  save();
  return {
    addProcess(pid) {
      const id = identify(pid);
      if (id !== undefined) record.processes.push(id);
      save();
    },
    addDatabase(name) {
      record.databases.push(name);
      save();
    },
    close() {
      rmSync(file, { force: true });
    },
  };
}

export interface Servers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** Ends the processes of runs that died; done before services start, because those processes hold on to old ones. */
export async function endAbandonedProcesses(directory: string): Promise<void> {
  for (const { record } of abandoned(directory))
    await Promise.all(record.processes.map((one) => endProcess(one, 'SIGTERM')));
}

/** Drops what dead runs left on these servers. Names are unique to a run, so what is not there was somewhere else and is gone. */
export async function dropAbandonedData(directory: string, { databaseUrl, redisUrl }: Servers): Promise<number> {
  const dead = abandoned(directory);
  for (const { file, record } of dead) {
    for (const name of record.databases) await dropDatabase(databaseUrl, name);
    await deleteKeys(redisUrl, record.keyPrefix);
    rmSync(file, { force: true });
  }
  return dead.length;
}

function abandoned(directory: string): { file: string; record: z.infer<typeof recordSchema> }[] {
  mkdirSync(directory, { recursive: true });
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
    .flatMap((name) => {
      const file = join(directory, name);
      const record = read(file);
      return record !== undefined && record.scope === pidScope() && !isAlive(record.owner) ? [{ file, record }] : [];
    });
}

function read(file: string): z.infer<typeof recordSchema> | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined; // removed by its owner meanwhile
  }
}
