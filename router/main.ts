import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { type EngineName, engines as engineRows } from '../domain/engines.ts';
import type { PaymentEngine } from '../domain/payment-engine.ts';
import { type Config, readConfig } from '../runtime/config.ts';
import { ConfigError } from '../runtime/environment.ts';
import { openPool } from '../runtime/database.ts';
import { listen } from '../runtime/http.ts';
import { announceReady, runUntilSignal, type Stoppable, stopInReverse } from '../runtime/lifecycle.ts';
import { createLog, type Logger } from '../runtime/log.ts';
import { createMetrics, type Metrics } from '../runtime/metrics.ts';
import { openEvents } from '../runtime/telemetry.ts';
import { createAdmission } from './admission.ts';
import { createApp } from './app.ts';
import { collect } from './collect.ts';
import { createConsole, figuresFrom } from './console/console.ts';
import { routerFacts } from './console/snapshot.ts';
import { enginesOf, type RouterEngines, startEngines } from './engines.ts';
import { createHeldRequests } from './held-requests.ts';
import { createPaymentMetrics } from './payment-metrics.ts';
import { watchRollout } from './rollout.ts';
import { announceApplied } from './rollout-events.ts';
import { redisHints } from './rollout-hints.ts';
import { createRouting } from './routing.ts';
import { createUserTiers } from './user-tiers.ts';
import { watchVerifications } from './verification-watch.ts';

export interface RouterOverrides {
  /** Instead of the engines of these names. */
  readonly engines?: Partial<Record<EngineName, PaymentEngine>>;
  readonly metrics?: Metrics;
  readonly log?: Logger;
  /** How long a stop waits for payments in work, default 6 s. */
  readonly drainMs?: number;
  /** How old a rollout may be that nobody confirms, default 10 s. */
  readonly maxAgeMs?: number;
  /** How often the rollout is read, default every second. */
  readonly pollMs?: number;
  /** How long a look-up of tiers may take before everybody may be a VIP, default 1 s. */
  readonly tierTimeoutMs?: number;
  /** How often a status page that is open gets figures, default every second. */
  readonly snapshotMs?: number;
}

export interface Router extends Stoppable {
  readonly url: string;
}

/** For the API, the poll and the look-up of tiers; the engines have their own. Opened when needed: a pinned router has one. */
const ownConnections = 4;
/** A statement of the router's own that takes longer has failed. */
const statementTimeoutMs = 5_000;

/** The whole router in this process. Rejects, with nothing left open, when its engines or its port cannot be had. */
export async function startRouter(config: Config, overrides: RouterOverrides = {}): Promise<Router> {
  const { drainMs = 6_000 } = overrides;
  const metrics = overrides.metrics ?? createMetrics();
  const log = overrides.log ?? createLog('router', config.logLevel);
  const running: Stoppable[] = [];
  try {
    const events = await openEvents(config.faro, {
      app: 'sagashift-router',
      session: config.workerId,
      say: (line) => {
        log.warn(line);
      },
      count: (result, n) => {
        metrics.businessEvents.inc({ result }, n);
      },
    });
    running.push(events);
    const pool = openPool({
      url: config.databaseUrl,
      size: ownConnections,
      timeoutMs: statementTimeoutMs,
      applicationName: 'sagashift-router',
    });
    running.push({ stop: () => pool.close() });
    const engines = await startEngines({ config, metrics, log, clock: Date.now }, overrides.engines);
    running.push(engines);
    const watch = await watchRollout({
      tx: pool,
      routerId: config.workerId,
      switches: config,
      metrics,
      log,
      hints: redisHints(config.redisUrl, config.keyPrefix),
      maxAgeMs: overrides.maxAgeMs,
      pollMs: overrides.pollMs,
      onApplied: announceApplied(events, config.workerId),
    });
    running.push(watch);
    running.push(await watchVerifications({ tx: pool, metrics, log, expectedHours: config.nightly.expectedHours }));

    const admission = createAdmission({ payments: config.paymentsInFlight, paymentsPerUser: config.paymentsPerUser });
    const held = createHeldRequests();
    const { pinned, names } = enginesOf(config);
    const statusPage = createConsole({
      router: routerFacts(config.workerId, pinned, names),
      watch,
      metrics,
      log,
      openFigures: figuresFrom(config.databaseUrl),
      everyMs: overrides.snapshotMs,
    });
    const app = createApp({
      routing: createRouting(watch, createUserTiers({ tx: pool, timeoutMs: overrides.tierTimeoutMs }), engines.pinned),
      engines,
      counts: createPaymentMetrics(metrics, expectedAnswers(engines)),
      admission,
      held,
      metrics,
      log,
      waitLimitMs: config.waitLimitMs,
      pool,
      console: statusPage,
      collect: config.collect.enabled
        ? collect({
            apiKey: config.collect.apiKey,
            busy: () => admission.inWork() * 2 >= config.paymentsInFlight,
            metrics,
            log,
          })
        : undefined,
      ready: async () => engines.pinned !== undefined || !watch.stale(),
    });
    const server = await listen(app, config.host, config.port);
    running.push({
      stop: async () => {
        const closing = server.close();
        const unwatched = statusPage.stop(); // at once: the server waits for open streams
        const flushing = events.stop(); // beside the payments, not after them
        const left = await admission.drain(drainMs);
        if (left > 0) log.warn({ left }, 'payments are still open: their requests are answered 202');
        held.releaseAll();
        await Promise.all([closing, flushing, unwatched]);
      },
    });
    let stopping: Promise<void> | undefined;
    return { url: server.url, stop: () => (stopping ??= stopInReverse(running)) };
  } catch (error) {
    await stopInReverse(running);
    throw error;
  }
}

const expectedAnswers = ({ pinned, on }: RouterEngines) =>
  (pinned === undefined ? (['legacy', 'saga'] as const) : [pinned]).map((side) => ({ side, engine: on(side).name }));

function commandLine(argv: readonly string[]): Partial<Pick<Config, 'engine' | 'port'>> {
  const names = engineRows.map((row) => row.name);
  const command = new Command('router')
    .description('Takes payments over HTTP and sends each to the monolith or to the saga')
    .option('--engine <name>', `send everything to one engine: ${names.join(', ')}`, (name) => {
      if (names.includes(name as EngineName)) return name as EngineName;
      throw new InvalidArgumentError(`there are ${names.join(', ')}`);
    })
    .option('--port <number>', 'port to listen on; 0 takes a free one', (text) => {
      const port = Number(text);
      if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
      throw new InvalidArgumentError('a port is a number from 0 to 65535');
    })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  return command.parse(argv).opts();
}

async function main(): Promise<void> {
  const options = commandLine(process.argv);
  try {
    const config = { ...readConfig(), ...options };
    await runUntilSignal(async () => {
      const router = await startRouter(config);
      announceReady('router', router.url);
      return router;
    });
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
