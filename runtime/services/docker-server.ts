import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { labelsOf } from './docker-containers.ts';
import type { DockerEngine } from './docker-engine.ts';
import { ServicesError } from './errors.ts';
import type { Lease } from './lease.ts';

export interface ServerSpec {
  /** For a person. */
  readonly name: string;
  /** Major version. */
  readonly oldest: number;
  readonly image: string;
  /** The variable that names another image. */
  readonly variable: string;
  readonly port: number;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: readonly { readonly target: string; readonly content: string }[];
  /** Where its data lies: on a volume, which fsync reaches, not in the layers of the container. Goes with the container. */
  readonly volume?: string;
  /** Resolves with its version when it answers, rejects as long as it does not. */
  probe(at: string): Promise<string>;
}

export interface DockerServer {
  /** Host and port. */
  readonly at: string;
  readonly version: string;
  /** As the engine's machine numbers it; whether it can be seen from here is another matter. */
  readonly pid: number;
}

const pullLimitMs = 600_000;
const readyLimitMs = 60_000;
/** Some of Postgres' memory is taken from /dev/shm; Docker gives 64 MB. */
const sharedMemory = 256 * 2 ** 20;

/** A container that answers. It carries the labels of the lease from the first moment of its life. Throws a ServicesError. */
export async function startDockerServer(
  engine: DockerEngine,
  spec: ServerSpec,
  lease: Lease,
  log: Logger,
  signal: AbortSignal,
): Promise<DockerServer> {
  await ensureImage(engine, spec, log, signal);
  signal.throwIfAborted();
  const started = await create(engine, spec, lease);
  const at = `${engine.host}:${started.getMappedPort(spec.port)}`;
  const container = engine.docker.getContainer(started.getId());
  const until = performance.now() + readyLimitMs;
  for (;;) {
    signal.throwIfAborted();
    const version = await spec.probe(at).catch(() => undefined);
    const { State: state } = await container.inspect();
    if (version !== undefined && state.Running) return { at, version: newEnough(spec, version), pid: state.Pid };
    if (!state.Running || performance.now() > until) {
      const said = await lastLines(container);
      throw new ServicesError(4, `${spec.name} (${spec.image}) did not start in its container:\n${said}`);
    }
    await sleep(50);
  }
}

function newEnough({ name, image, variable, oldest }: ServerSpec, version: string): string {
  if (Number.parseInt(version, 10) >= oldest) return version;
  throw new ServicesError(2, `${variable}=${image} is ${name} ${version}; it takes ${oldest} or newer`);
}

async function create(engine: DockerEngine, spec: ServerSpec, lease: Lease) {
  const { GenericContainer, Wait } = engine.library;
  let created: string | undefined;
  class Server extends GenericContainer {
    protected override beforeContainerCreated(): Promise<void> {
      this.hostConfig.PortBindings = { [`${spec.port}/tcp`]: [{ HostIp: engine.publishOn, HostPort: '' }] };
      if (spec.volume !== undefined) this.createOpts.Volumes = { [spec.volume]: {} };
      return Promise.resolve();
    }
    protected override containerCreated(id: string): Promise<void> {
      created = id;
      return Promise.resolve();
    }
  }
  const container = new Server(spec.image)
    .withExposedPorts(spec.port)
    .withLabels(labelsOf(lease.name))
    .withAutoCleanup(engine.reaper)
    .withEnvironment({ ...spec.environment })
    .withCopyContentToContainer([...(spec.files ?? [])])
    .withCommand([...spec.command])
    .withSharedMemorySize(sharedMemory)
    .withWaitStrategy(Wait.forAll([])); // We ask the server itself, which no port check and no tool in the image can stand for.
  try {
    return await container.start();
  } catch (cause) {
    const said = created === undefined ? '' : `\n${await lastLines(engine.docker.getContainer(created))}`;
    const why = (cause as Error).message;
    throw new ServicesError(4, `${spec.name} (${spec.image}) did not start in its container: ${why}${said}`, { cause });
  }
}

/** Without a registry's credentials: an image behind them is for `docker pull`. */
async function ensureImage(
  { docker }: DockerEngine,
  spec: ServerSpec,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { image } = spec;
  if (await exists(docker, image)) return;
  log.warn({ image }, 'fetching an image, which happens once');
  try {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(pullLimitMs)]);
    const stream = await docker.pull(image, { abortSignal });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ServicesError(
      4,
      `--services docker: the image ${image} is not on this engine and can't be fetched (${(cause as Error).message.trim()}).\n` +
        `Fetch it (\`docker pull ${image}\`), or name one that is there by ${spec.variable}.`,
      { cause },
    );
  }
}

async function exists(docker: DockerEngine['docker'], image: string): Promise<boolean> {
  try {
    await docker.getImage(image).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

/** Frames of 8 bytes, the last four of which are the length, then text. */
async function lastLines(container: ReturnType<DockerEngine['docker']['getContainer']>): Promise<string> {
  const frames = await container.logs({ stdout: true, stderr: true, tail: 8 });
  let text = '';
  for (let at = 0; at + 8 <= frames.length;) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    text += frames.toString('utf8', at + 8, end);
    at = end;
  }
  return text.trimEnd() === '' ? '(no log)' : text.trimEnd();
}
