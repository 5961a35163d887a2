import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export interface K6BuildIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Of the sources, the cache and `bin`; tests give their own. */
  readonly places?: K6Places;
}

export interface K6Places {
  /** A Go module whose main package is the k6 to build. */
  readonly module: string;
  readonly cache: string;
  readonly binary: string;
}

const repository = resolve(import.meta.dirname, '..');
const ownPlaces: K6Places = {
  module: join(repository, 'bench', 'k6', 'build'),
  cache: join(repository, '.cache', 'k6'),
  binary: join(repository, 'bin', 'k6'),
};

const usage = `npm run k6:build

Builds bin/k6, which \`npm run bench -- --load k6\` drives payments with. Needs Go 1.25 or newer and its module proxy; takes
about three minutes the first time, no time when nothing has changed. Versions are pinned in bench/k6/build.
`;

/** Resolves with the exit code: 0 built or there already, 1 the build failed, 2 usage or no Go, 3 interrupted. */
export async function k6Build(argv: readonly string[], io: K6BuildIo): Promise<0 | 1 | 2 | 3> {
  const places = io.places ?? ownPlaces;
  if (argv.some((word) => word === '--help' || word === '-h')) {
    io.stdout.write(usage);
    return 0;
  }
  if (argv.length > 0) {
    io.stderr.write(`k6:build takes no '${argv[0] ?? ''}'.\n${usage}`);
    return 2;
  }
  const go = goVersion(io.env);
  if (go === undefined) {
    io.stderr.write('There is no Go here, and k6 is built with it. Install Go 1.25 or newer (go on the PATH), or set K6_BIN to a k6 of your own.\n'); // prettier-ignore
    return 2;
  }
  const built = join(places.cache, keyOf(places.module, go), 'k6');
  if (existsSync(built)) io.stdout.write(`k6 was built before: ${relative(repository, built)}\n`);
  else if (!(await compile(places.module, built, go, io))) return io.signal.aborted ? 3 : 1;
  put(built, places.binary);
  io.stdout.write(`${relative(repository, places.binary)}: ${versionOf(places.binary)}\n`);
  return 0;
}

const goVersion = (env: NodeJS.ProcessEnv): string | undefined =>
  /^go version (.+)/.exec(spawnSync('go', ['version'], { encoding: 'utf8', env }).stdout ?? '')?.[1];

const versionOf = (binary: string): string => spawnSync(binary, ['version'], { encoding: 'utf8' }).stdout.trim();

/** Changes with whatever is built and what builds it; go.sum holds the checksum of every module. */
function keyOf(module: string, go: string): string {
  const hash = createHash('sha256').update(go);
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(module, name)));
  return hash.digest('hex').slice(0, 16);
}

/** Whole or not at all, as what is interrupted must not be taken for k6 by the next one. */
function put(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const draft = join(dirname(to), `.${basename(to)}.${process.pid}`);
  copyFileSync(from, draft);
  renameSync(draft, to);
}

const secondsBetweenLines = 10;

async function compile(module: string, built: string, go: string, io: K6BuildIo): Promise<boolean> {
  mkdirSync(dirname(built), { recursive: true });
  const draft = `${built}.${process.pid}`;
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1_000).toFixed(0);
  try {
    io.stdout.write(`fetching the modules that bench/k6/build/go.sum names, with ${go}\n`);
    if (!(await run(['mod', 'download'], module, io))) return false;
    io.stdout.write('compiling; about three minutes the first time\n');
    let packages = 0;
    const timer = setInterval(() => {
      io.stdout.write(`  ${packages} packages compiled, ${seconds()} s\n`);
    }, secondsBetweenLines * 1_000);
    const args = ['build', '-v', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', draft, '.'];
    const done = await run(args, module, io, () => (packages += 1)).finally(() => {
      clearInterval(timer);
    });
    if (!done) return false;
    renameSync(draft, built);
    io.stdout.write(`built in ${seconds()} s\n`);
    return true;
  } finally {
    rmSync(draft, { force: true });
  }
}

const linesKept = 30;

/** Tells each line of what Go says; when it fails, the last ones are what a person needs. */
async function run(
  args: readonly string[],
  cwd: string,
  { env, signal, stderr }: K6BuildIo,
  onLine: (line: string) => void = () => undefined,
): Promise<boolean> {
  if (signal.aborted) return false;
  const child = spawn('go', args, { cwd, env: { ...env, GOWORK: 'off' }, stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > linesKept) lines.shift();
    onLine(line);
  });
  const stop = (): void => {
    child.kill('SIGINT'); // the one signal upon which Go ends its compilers and clears its temporary directory
  };
  signal.addEventListener('abort', stop, { once: true });
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => {
      resolve(null);
    });
    child.once('close', resolve);
  });
  signal.removeEventListener('abort', stop);
  if (signal.aborted) stderr.write('interrupted; nothing half-built is left\n');
  else if (code !== 0) stderr.write(`${lines.join('\n')}\ngo ${args[0] ?? ''} failed\n`);
  return code === 0 && !signal.aborted;
}
