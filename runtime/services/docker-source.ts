import type { Logger } from '../log.ts';
import { leaseLabel, removeContainersOf, sweepContainers } from './docker-containers.ts';
import { type DockerEngine, openEngine } from './docker-engine.ts';
import { dockerPostgres } from './docker-postgres.ts';
import { dockerRedis } from './docker-redis.ts';
import { type ServerSpec, startDockerServer } from './docker-server.ts';
import { ServicesError } from './errors.ts';
import type { Lease } from './lease.ts';
import type { Resolved, Source } from './resolved.ts';

/** Postgres and Redis in containers. Docker is looked for only when one of the two is asked for. */
export function dockerSource(env: NodeJS.ProcessEnv, log: Logger, lease: Lease, interrupted: AbortSignal): Source {
  const failed = new AbortController(); // There is no use in fetching the image of one when the other can't be had.
  const signal = AbortSignal.any([interrupted, failed.signal]);
  let opened: Promise<DockerEngine> | undefined;

  const open = async (): Promise<DockerEngine> => {
    const engine = await openEngine(env, signal);
    lease.addContainers(engine.address, `${leaseLabel}=${lease.name}`);
    const swept = await sweepContainers(engine.docker);
    if (swept > 0) log.info({ swept }, 'removed containers that earlier runs had left behind');
    return engine;
  };

  const start = async (
    describe: (engine: DockerEngine) => { readonly spec: ServerSpec; readonly urlAt: (at: string) => string },
  ): Promise<Resolved> => {
    try {
      const engine = await (opened ??= open());
      const { spec, urlAt } = describe(engine);
      const { at, version, pid } = await startDockerServer(engine, spec, lease, log, signal);
      return { url: urlAt(at), pid, how: `docker: ${spec.image}, ${spec.name} ${version}` };
    } catch (error) {
      failed.abort(error);
      if (!interrupted.aborted) throw error;
      throw new ServicesError(4, 'interrupted while services were starting; nothing of them is left', { cause: error });
    }
  };

  return {
    postgres: () => start(({ memoryBytes }) => dockerPostgres(env, memoryBytes)),
    redis: () => start(() => dockerRedis(env)),
    async stop() {
      const engine = await opened?.catch(() => undefined);
      try {
        if (engine !== undefined) await removeContainersOf(engine.docker, lease.name);
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'containers could not be removed; the next start does it');
      }
    },
  };
}
