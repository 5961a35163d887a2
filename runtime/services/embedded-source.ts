import type { Logger } from '../log.ts';
import type { Lease } from './lease.ts';
import { findPostgres } from './postgres-binaries.ts';
import { type Server, startPostgres } from './postgres-server.ts';
import { endProcess, identify } from './processes.ts';
import { findRedis } from './redis-binary.ts';
import { startRedis } from './redis-server.ts';
import type { Source } from './resolved.ts';

/** Postgres from npm, Redis from the PATH or fetched, as processes of this machine. */
export function embeddedSource(root: string, env: NodeJS.ProcessEnv, log: Logger, lease: Lease): Source {
  const started: { server: Server; signal: NodeJS.Signals }[] = [];
  return {
    async postgres() {
      const binaries = await findPostgres(root, env);
      const server = await startPostgres(binaries, root, lease);
      started.push({ server, signal: 'SIGINT' }); // Its fast shutdown: sessions that are still open are ended.
      return { url: server.url, how: `embedded: ${binaries.how}` };
    },
    async redis() {
      const binary = await findRedis(log, env);
      const server = await startRedis(binary, lease);
      started.push({ server, signal: 'SIGTERM' });
      return { url: server.url, how: `embedded: ${binary.how}` };
    },
    async stop() {
      await Promise.all(started.map(({ server, signal }) => end(server, signal)));
    },
  };
}

async function end({ child }: Server, signal: NodeJS.Signals): Promise<void> {
  const id = child.pid === undefined ? undefined : identify(child.pid);
  if (id !== undefined) await endProcess(id, signal, 10_000);
}
