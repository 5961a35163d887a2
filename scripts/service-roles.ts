import {
  startDataPlatform,
  startDelivery,
  startProjector,
  startWorker,
  type WorkerRole,
  workerRoles,
} from '../eventdriven/index.ts';
import { startNightlySchedule } from '../consistency/nightly/schedule.ts';
import { startOnlineVerifier } from '../consistency/online/online-service.ts';
import { type Config, readConfig } from '../runtime/config.ts';
import { listen, newApp, serveOperations } from '../runtime/http.ts';
import { type Stoppable, stopInReverse } from '../runtime/lifecycle.ts';
import { createLog } from '../runtime/log.ts';
import { createMetrics } from '../runtime/metrics.ts';

export const serviceRoles = [...workerRoles, 'delivery', 'projector', 'nightly', 'verifier', 'dataplatform'] as const;
export type ServiceRole = (typeof serviceRoles)[number];

export interface ServiceOptions {
  readonly roles: readonly ServiceRole[];
  /** Of the data platform when that is a role, else of `/metrics`. 0: any free one. */
  readonly port: number;
  readonly dataPlatform: Omit<Parameters<typeof startDataPlatform>[0], 'host' | 'port' | 'signal'>;
  readonly env: NodeJS.ProcessEnv;
}

export interface Service extends Stoppable {
  /** What it was started as, e.g. `order+balance`. */
  readonly name: string;
  /** Of the data platform when that is the only role, else of `/metrics` and `/healthz`. */
  readonly url: string;
}

/** The last saga worker writes the delivery log, so it sends from it too. */
const delivering: readonly ServiceRole[] = ['delivery', 'orchestrator', 'payment'];

/** Starts every role in this process. Rejects, with nothing left open, when one of them cannot start. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const name = options.roles.join('+');
  const running: Stoppable[] = [];
  try {
    const url = await startRoles(options, name, running);
    let stopping: Promise<void> | undefined;
    return { name, url, stop: () => (stopping ??= stopInReverse(running)) };
  } catch (error) {
    await stopInReverse(running);
    throw error;
  }
}

async function startRoles(options: ServiceOptions, name: string, running: Stoppable[]): Promise<string> {
  const { roles, env, port } = options;
  const own = roles.includes('dataplatform');
  const host = env['SAGASHIFT_HOST'] ?? '127.0.0.1';
  const platform = own ? await startDataPlatform({ ...options.dataPlatform, host, port }) : undefined;
  if (platform !== undefined) running.push(platform);
  if (platform !== undefined && roles.length === 1) return platform.url;

  const config: Config = readConfig({
    ...env,
    SAGASHIFT_DATA_PLATFORM_URL: platform?.url ?? env['SAGASHIFT_DATA_PLATFORM_URL'],
  });
  const metrics = createMetrics();
  const log = createLog(name, config.logLevel);
  if (roles.some((role) => delivering.includes(role))) {
    const source = config.source ?? (roles.includes('payment') ? 'choreography' : 'orchestration');
    running.push(startDelivery({ config, metrics, log, source }));
  }
  if (roles.includes('nightly')) {
    const { databaseUrl, redisUrl, keyPrefix, nightly } = config;
    running.push(await startNightlySchedule({ databaseUrl, redisUrl, keyPrefix, config: nightly, metrics, log }));
  }
  if (roles.includes('verifier')) running.push(startOnlineVerifier({ config, metrics, log }));
  if (roles.includes('projector')) running.push(startProjector({ config, metrics, log }));
  const workers = roles.filter((role): role is WorkerRole => (workerRoles as readonly string[]).includes(role));
  if (workers.length > 0) running.push(await startWorker({ config, roles: workers, metrics, log }));

  const app = newApp();
  serveOperations(app, metrics);
  const server = await listen(app, config.host, own ? config.port : port || config.port);
  running.push({ stop: () => server.close() });
  return server.url;
}
