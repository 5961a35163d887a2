import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repository } from '../repository.ts';
import { servicesDir } from './cache.ts';
import { ServicesError } from './errors.ts';
import { type Lease, sweepLeases, takeLease } from './lease.ts';
import { endProcess, freePort, hasExited, identify } from './processes.ts';
import { launchServer, tail } from './server-process.ts';

export interface PrometheusOptions {
  /** What to scrape: `address` is host and port, `job` becomes the label of that name. */
  readonly targets: readonly { readonly job: string; readonly address: string }[];
  /** Between two scrapes, and between two evaluations of rules; default 1 s. */
  readonly scrapeMs?: number;
  /** Load the recording rules and alerts of `dashboards/prometheus/rules`, those over short windows too; default no. */
  readonly rules?: boolean;
  /** To listen on; default a free one. */
  readonly port?: number;
  /** Default: ours. PROMETHEUS_BIN and PATH say which program. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface PrometheusServer {
  readonly url: string;
  readonly pid: number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

const rulesDir = join(repository, 'dashboards', 'prometheus', 'rules');
const readyLimitMs = 10_000;
/** It is there to look at a run, not to keep history: whatever comes first. */
const retention = ['--storage.tsdb.retention.time=1d', '--storage.tsdb.retention.size=256MB'];
/** A free port may be taken again before it is used. */
const portTries = 2;

/** PROMETHEUS_BIN, else `prometheus` on PATH; undefined when there is none that runs. */
export function findPrometheus(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = env['PROMETHEUS_BIN'];
  const files =
    given === undefined || given === ''
      ? (env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'prometheus'))
      : [given];
  return files.find((file) => existsSync(file) && spawnSync(file, ['--version']).status === 0);
}

/**
 * A Prometheus of our own on loopback, its data in a directory of its own. It ends with this process, however that ends. Its first
 * scrape comes about 5 s after its start: that is how long it takes to discover even targets that are listed.
 * Rejects with a ServicesError (exit code 4) when there is none to start or it does not come up.
 */
export async function startPrometheus(options: PrometheusOptions, signal?: AbortSignal): Promise<PrometheusServer> {
  const binary = findPrometheus(options.env);
  if (binary === undefined)
    throw new ServicesError(
      4,
      'no Prometheus to start. Tried: PROMETHEUS_BIN, prometheus on PATH. Install one (`apt-get install -y prometheus`, `brew install prometheus`).',
    );
  const root = servicesDir();
  await sweepLeases(root);
  const lease = takeLease(root);
  try {
    return await launchUntilReady(binary, lease, options, signal);
  } catch (error) {
    lease.release();
    throw error;
  }
}

async function launchUntilReady(
  binary: string,
  lease: Lease,
  options: PrometheusOptions,
  signal?: AbortSignal,
): Promise<PrometheusServer> {
  const log = join(lease.dir, 'prometheus.log');
  writeFileSync(join(lease.dir, 'prometheus.yml'), configuration(options));
  for (let tries = 1; tries <= portTries; tries += 1) {
    signal?.throwIfAborted();
    const address = `127.0.0.1:${options.port ?? (await freePort())}`;
    const child = launch(binary, lease.dir, log, address);
    lease.addChild(child.pid, 'SIGTERM');
    if (await isReady(child, `http://${address}`, lease.dir, signal)) return server(child, `http://${address}`, lease);
    await end(child);
  }
  signal?.throwIfAborted();
  throw new ServicesError(4, `Prometheus (${binary}) did not start:\n${tail(log)}`);
}

function server(child: ChildProcess, url: string, lease: Lease): PrometheusServer {
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await end(child);
    lease.release();
  };
  return { url, pid: child.pid ?? 0, stop: () => (stopping ??= stop()) };
}

/** As JSON, which is YAML: nothing in an address can become another setting. */
function configuration({ targets, scrapeMs = 1_000, rules = false }: PrometheusOptions): string {
  const every = `${scrapeMs}ms`;
  return JSON.stringify({
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: rules ? ['*.yml', 'bench/*.yml'].map((files) => join(rulesDir, files)) : [],
    scrape_configs: targets.map(({ job, address }) => ({
      job_name: job,
      static_configs: [{ targets: [address] }],
    })),
  });
}

function launch(binary: string, dir: string, log: string, address: string): ChildProcess {
  const flags = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--log.level=warn', ...retention];
  return launchServer({ file: binary, args: [...flags, `--web.listen-address=${address}`], cwd: dir, log });
}

/** Somebody else may have taken the port meanwhile, and be a Prometheus too: ours is the one that says our directory. */
async function isReady(child: ChildProcess, url: string, dir: string, signal?: AbortSignal): Promise<boolean> {
  const until = performance.now() + readyLimitMs;
  while (performance.now() < until && child.pid !== undefined && !hasExited(child) && signal?.aborted !== true) {
    const [ready, runtime] = await Promise.all([get(`${url}/-/ready`), get(`${url}/api/v1/status/runtimeinfo`)]);
    if (ready !== undefined && runtime?.includes(JSON.stringify(realpathSync(dir))) === true) return true;
    await sleep(20);
  }
  return false;
}

async function get(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    const text = await response.text();
    return response.ok ? text : undefined;
  } catch {
    return undefined;
  }
}

async function end(child: ChildProcess): Promise<void> {
  const process = child.pid === undefined || hasExited(child) ? undefined : identify(child.pid);
  if (process !== undefined) await endProcess(process, 'SIGTERM');
}
