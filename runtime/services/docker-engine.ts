import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type * as testcontainers from 'testcontainers';
import { ServicesError } from './errors.ts';

type Testcontainers = typeof testcontainers;

/** A Docker engine that answers. */
export interface DockerEngine {
  /** As DOCKER_HOST takes it. */
  readonly address: string;
  readonly docker: testcontainers.ContainerRuntimeClient['container']['dockerode'];
  readonly library: Testcontainers;
  /** Where its published ports are reached. */
  readonly host: string;
  /** What they are published on: nothing but `host` where that can be, all of a remote engine's addresses. */
  readonly publishOn: string;
  readonly memoryBytes: number;
  /** Whether Testcontainers' own reaper watches over containers, beside our lease. */
  readonly reaper: boolean;
}

/** An engine that is up answers at once; one that hangs must not take us with it. */
const answerLimitMs = 5_000;
const openLimitMs = 30_000;
const help = 'Start one (`systemctl start docker`, or Docker Desktop), or use --services embedded.';

/** For tests. */
interface Injected {
  readonly load?: () => Promise<Testcontainers>;
  readonly limitMs?: number;
}

/**
 * The engine of DOCKER_HOST, else of the first socket that is there. It is asked for a sign of life first, as Testcontainers
 * would wait for it without limit. Throws a ServicesError.
 */
export async function openEngine(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  { load = () => import('testcontainers'), limitMs = answerLimitMs }: Injected = {},
): Promise<DockerEngine> {
  const address = engineAddress(env);
  const url = parsed(address);
  if (env['DOCKER_TLS_VERIFY'] !== '1') await ping(url, limitMs, signal);
  const library = await loaded(load);
  try {
    const { container, info, image } = await within(openLimitMs, library.getContainerRuntimeClient());
    const { host, memory } = info.containerRuntime;
    const local = url.protocol === 'unix:';
    return {
      address,
      docker: container.dockerode,
      library,
      host: host === 'localhost' ? '127.0.0.1' : host,
      publishOn: host === 'localhost' ? '127.0.0.1' : local && isIP(host) > 0 ? host : '',
      memoryBytes: memory,
      reaper: env['TESTCONTAINERS_RYUK_DISABLED'] !== 'true' && (await image.exists(await reaperImage(library))),
    };
  } catch (cause) {
    throw unreachable(address, (cause as Error).message, cause);
  }
}

/** Where Testcontainers looks, in its order. */
function engineAddress(env: NodeJS.ProcessEnv): string {
  const given = env['DOCKER_HOST'];
  if (given !== undefined && given !== '') return given;
  const runtime = env['XDG_RUNTIME_DIR'];
  const sockets = [
    '/var/run/docker.sock',
    ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')]),
    ...['run', 'desktop'].map((folder) => join(homedir(), '.docker', folder, 'docker.sock')),
    `/run/user/${process.getuid?.() ?? 0}/docker.sock`,
  ];
  const found = sockets.find((path) => existsSync(path));
  if (found !== undefined) return `unix://${found}`;
  throw new ServicesError(
    4,
    `--services docker: no Docker engine. Tried: DOCKER_HOST (not set), ${sockets.join(', ')} (not there).\n${help}`,
  );
}

function parsed(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && ['unix:', 'tcp:', 'http:', 'https:'].includes(url.protocol)) return url;
  throw new ServicesError(
    2,
    `DOCKER_HOST=${address} is neither unix:///path/to/docker.sock nor tcp://host:port; unset it to take the engine of this machine`,
  );
}

const unreachable = (address: string, why: string, cause?: unknown): ServicesError =>
  new ServicesError(4, `--services docker: the Docker engine at ${address} can't be used (${why}).\n${help}`, {
    cause,
  });

function ping(url: URL, limitMs: number, signal: AbortSignal): Promise<void> {
  const at =
    url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || undefined };
  const limit = AbortSignal.timeout(limitMs);
  return new Promise((resolve, reject) => {
    const asked = request({ ...at, path: '/_ping', signal: AbortSignal.any([signal, limit]) }, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(unreachable(url.href, `it answers ${String(answer.statusCode)}`));
    });
    asked.once('error', (error: NodeJS.ErrnoException) => {
      const why = limit.aborted ? `no answer in ${limitMs / 1_000} s` : (error.code ?? error.message);
      reject(signal.aborted ? (signal.reason as Error) : unreachable(url.href, why, error));
    });
    asked.end();
  });
}

async function loaded(load: () => Promise<Testcontainers>): Promise<Testcontainers> {
  try {
    return await load();
  } catch (cause) {
    throw new ServicesError(
      2,
      '--services docker: the package testcontainers is not installed. Run `npm ci` without --omit=optional, or use --services embedded.',
      { cause },
    );
  }
}

/** The version that this Testcontainers starts is known to nobody else. */
async function reaperImage({ ImageName }: Testcontainers): Promise<InstanceType<Testcontainers['ImageName']>> {
  const { REAPER_IMAGE } = await import('testcontainers/build/reaper/reaper.js');
  return ImageName.fromString(REAPER_IMAGE);
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${ms / 1_000} s`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
