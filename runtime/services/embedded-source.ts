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
  const keep = (server: Server, signal: NodeJS.Signals, inAHurry: NodeJS.Signals) => {
    const one = { server, signal };
    started.push(one);
    return async (): Promise<void> => {
      await end(one.server, inAHurry);
      one.server = await one.server.startAgain();
    };
  };
  return {
    async postgres() {
      const binaries = await findPostgres(root, env);
      const server = await startPostgres(binaries, root, lease);
      // SIGINT: its fast shutdown, which ends sessions that are still open. SIGQUIT: at once, and it recovers from its log.
      const restart = keep(server, 'SIGINT', 'SIGQUIT');
      return { url: server.url, how: `embedded: ${binaries.how}`, restart };
    },
    async redis() {
      const binary = await findRedis(log, env);
      const server = await startRedis(binary, lease);
      return { url: server.url, how: `embedded: ${binary.how}`, restart: keep(server, 'SIGTERM', 'SIGKILL') };
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
