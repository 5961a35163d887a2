// Walks through the compose file as a person would, with the images that are here: everything up and healthy, a payment on
// each side, the metrics, Prometheus' targets, a worker that is killed, the verifier, everything down and nothing left.
// Prints one line per step; exit 0 when all were seen. `walk.mjs docker compose` or `walk.mjs docker-compose`.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [compose, ...composeArgs] = process.argv.slice(2);
const project = `sagashift-walk-${process.pid}`;
const ports = { router: await freePort(), prometheus: await freePort(), grafana: await freePort() };
const env = {
  ...process.env,
  COMPOSE_PROJECT_NAME: project,
  COMPOSE_PROFILES: 'core,observability',
  POSTGRES_PASSWORD: randomBytes(12).toString('hex'),
  ROUTER_PORT: ports.router,
  PROMETHEUS_PORT: ports.prometheus,
  GRAFANA_PORT: ports.grafana,
};
const router = `http://127.0.0.1:${ports.router}`;
const services = ['postgres', 'redis', 'router', 'worker', 'data-platform', 'prometheus', 'grafana'];

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8', timeout: 120_000 });
  if (status === 0) return stdout.trim();
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim().slice(-2_000)}`);
}
const dockerCompose = (...args) => run(compose, [...composeArgs, ...args]);
const inRouter = (...args) => dockerCompose('exec', '-T', 'router', 'node', ...args);
const idOf = (service) => dockerCompose('ps', '-q', service);
const inspect = (service, format) => run('docker', ['inspect', '-f', format, idOf(service)]);

async function request(url, body) {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(40_000),
    ...(body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: () => JSON.parse(text) };
}

async function until(what, seen, limitMs = 90_000) {
  const end = Date.now() + limitMs;
  let last;
  while (Date.now() < end) {
    last = await Promise.resolve(seen()).catch((error) => error.message);
    if (last === true) return;
    await sleep(250);
  }
  throw new Error(`${what}: not within ${limitMs / 1_000} s (${String(last)})`);
}

function expect(seen, what) {
  if (!seen) throw new Error(`not so: ${what}`);
}

async function pay(userId) {
  const order = await request(`${router}/v1/orders`, { userId, lines: [{ productId: 3, qty: 1 }] });
  expect(order.status === 201, `user ${userId} orders: ${order.text}`);
  const url = `${router}/v1/orders/${order.json().orderId}/payments`;
  const paid = await request(url, { userId });
  return { url, ...paid.json(), status: paid.status };
}

/** Some users are poor, blocked or VIP: the first of them that pays on that side. */
async function payOn(side, from) {
  for (let userId = from; userId < from + 40; userId += 1) {
    const payment = await pay(userId);
    if (payment.status !== 201 || payment.route.side !== side) continue;
    const again = await request(payment.url, { userId });
    expect(again.json().paymentId === payment.paymentId, `paid once: ${again.text}`);
    return `user ${userId} paid ${payment.amount} won by ${payment.engine}, route ${side}/${payment.route.reason}; asked again: the same payment`;
  }
  throw new Error(`nobody from user ${from} on paid on the ${side} side`);
}

const healthy = (service) => inspect(service, '{{.State.Health.Status}}') === 'healthy';

const steps = {
  'up -d': async () => {
    dockerCompose('up', '-d', '--no-build');
    for (const service of services) await until(`${service} is healthy`, () => healthy(service));
    return `${services.join(', ')}: healthy`;
  },
  'half of the users on the saga side': async () => {
    inRouter('dist/scripts/canary.js', 'set', '50', '--reason', 'a walk');
    await until('the router applies it', async () =>
      (await request(`${router}/metrics`)).text.includes('payment_router_canary_ratio 0.5'),
    );
  },
  'a payment on the saga side': () => payOn('saga', 1),
  'a payment on the legacy side': () => payOn('legacy', 51),
  '/metrics': async () => {
    const { text } = await request(`${router}/metrics`);
    const lines = text.split('\n').filter((line) => /^payment_requests_total\{.*outcome="good"/.test(line));
    expect(lines.some((line) => line.includes('"saga"')) && lines.some((line) => line.includes('"legacy"')), text);
    return lines.join('; ');
  },
  'Prometheus scrapes all': async () => {
    const targets = async () =>
      (await request(`http://127.0.0.1:${ports.prometheus}/api/v1/targets`)).json().data.activeTargets;
    await until('all targets are up', async () => {
      const found = await targets();
      const down = found
        .filter(({ health }) => health !== 'up')
        .map(({ scrapeUrl, lastError }) => `${scrapeUrl} ${lastError}`);
      return found.length > 0 && down.length === 0 ? true : down.join(', ');
    });
    return (await targets()).map(({ scrapeUrl }) => scrapeUrl).join(', ');
  },
  'the status page': async () => {
    const { status, text } = await request(`${router}/console`);
    const [, script] = /<script src="([^"]+)"/.exec(text) ?? [];
    expect(status === 200 && (await request(router + script)).status === 200, `/console ${status}, ${script}`);
  },
  Grafana: async () => (await request(`http://127.0.0.1:${ports.grafana}/api/health`)).text.trim(),
  'kill -9 of the worker': async () => {
    // From the host's side: inside of its own namespace nothing can kill process 1, and `docker kill` means "leave it dead".
    const kill = `process.kill(${inspect('worker', '{{.State.Pid}}')}, 'SIGKILL')`;
    const image = inspect('worker', '{{.Config.Image}}');
    run('docker', ['run', '--rm', '--pid=host', '--user=0', '--network=none', image, '-e', kill]);
    const began = Date.now();
    const said = await payOn('saga', 1);
    const took = Date.now() - began;
    await until('it is back', () => inspect('worker', '{{.RestartCount}}') !== '0' && healthy('worker'));
    return `restarted by the engine; meanwhile ${said} (all of it in ${took} ms)`;
  },
  verify: () => {
    const report = JSON.parse(inRouter('dist/scripts/verify.js', '--json'));
    return `${report.perInvariant.length} invariants, ${report.violations} violations`;
  },
  'stop, then down -v': () => {
    dockerCompose('stop');
    for (const service of ['router', 'worker', 'data-platform', 'postgres']) {
      const code = run('docker', ['inspect', '-f', '{{.State.ExitCode}}', dockerCompose('ps', '-a', '-q', service)]);
      expect(code === '0', `${service} stopped by itself, with ${code}`);
    }
    dockerCompose('down', '-v');
    const filter = ['-q', '--filter', `label=com.docker.compose.project=${project}`];
    const left = [
      ['ps', '-a'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ].map((list) => run('docker', [...list, ...filter]));
    expect(
      left.every((list) => list === ''),
      `nothing is left: ${left.join(' ')}`,
    );
    return 'exit codes 0; no container, volume or network left';
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    const began = Date.now();
    const said = await step();
    console.log(`${name} (${((Date.now() - began) / 1_000).toFixed(1)} s)${said ? `: ${said}` : ''}`);
  }
} catch (error) {
  console.error(`FAILED ${error.message}`);
  console.error(spawnSync(compose, [...composeArgs, 'logs', '--tail', '20'], { env, encoding: 'utf8' }).stdout);
  process.exitCode = 1;
} finally {
  spawnSync(compose, [...composeArgs, 'down', '-v'], { env, stdio: 'ignore', timeout: 120_000 });
}
