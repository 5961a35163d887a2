import { verify } from '../consistency/verifier.ts';
import { installRoutes } from '../eventdriven/index.ts';
import { changeRollout, readRollout } from '../router/canary/change-rollout.ts';
import { publishHint } from '../router/rollout-hints.ts';
import { openPool, type Pool } from '../runtime/database.ts';
import { type Stoppable, stopInReverse } from '../runtime/lifecycle.ts';
import { findPrometheus, startPrometheus } from '../runtime/services/prometheus-server.ts';
import { readCustomers } from './demo-customers.ts';
import { demoLine } from './demo-line.ts';
import { startTraffic } from './demo-traffic.ts';
import { keepVerifying } from './demo-verifier.ts';
import type { Stack } from './stack.ts';

export interface DemoOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly ratePerSecond?: number;
  /** How often `say` is called, default every 10 s. */
  readonly lineMs?: number;
  /** A line about the traffic. Nothing is said without it. */
  readonly say?: ((line: string) => void) | undefined;
  /** Something does not work and the demo goes on without. */
  readonly warn: (line: string) => void;
}

export interface Demo extends Stoppable {
  /** Percentage that is in force; undefined when somebody had set the rollout before: then it is left alone. */
  readonly canary: number | undefined;
  /** Undefined when there is no binary. */
  readonly prometheus: string | undefined;
}

/** Some people on either side, so that there is something to compare. */
const canaryPercentage = 30;
const [firstVerificationMs, verificationMs] = [3_000, 60_000];
const statementTimeoutMs = 5_000;

/** Life for a stack that is up: a canary, people who buy, a verification now and then, Prometheus if there is one. */
export async function startDemo(stack: Stack, options: DemoOptions): Promise<Demo> {
  const { env, warn } = options;
  const running: Stoppable[] = [];
  try {
    const prometheus = findPrometheus(env) === undefined ? undefined : await startPrometheus(scraping(stack, env));
    if (prometheus !== undefined) running.push(prometheus);
    const pool = openPool({
      url: stack.databaseUrl,
      size: 1,
      timeoutMs: statementTimeoutMs,
      applicationName: 'sagashift-demo',
    });
    running.push({ stop: () => pool.close() });
    const canary = await setFirstCanary(pool, stack, env);
    // Every event and every target, so that delivery has something to show; a database that somebody has set up keeps its routes.
    if (canary !== undefined) await installRoutes(pool, 'full');
    running.push(await startLife(stack, pool, options));
    let stopping: Promise<void> | undefined;
    return { canary, prometheus: prometheus?.url, stop: () => (stopping ??= stopInReverse(running)) };
  } catch (error) {
    warn('the demo cannot start');
    await stopInReverse(running);
    throw error;
  }
}

const scraping = ({ router, orchestrator, dataPlatform }: Stack, env: NodeJS.ProcessEnv) => ({
  targets: [
    { job: 'router', address: new URL(router).host },
    { job: 'worker', address: new URL(orchestrator).host },
    { job: 'data-platform', address: new URL(dataPlatform).host },
  ],
  rules: true,
  env,
});

/** Only a rollout that nobody has touched: what a person has set stays. By the function of `npm run canary`, history included. */
async function setFirstCanary(pool: Pool, stack: Stack, env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const { version } = await readRollout(pool);
  if (version > 1) return undefined;
  const by = { actor: 'demo', action: 'set', reason: 'npm start -- --demo: some people on either side' };
  const { row } = await changeRollout(pool, { percentage: canaryPercentage }, by, { ifVersion: version });
  await publishHint(stack.redisUrl, env['SAGASHIFT_KEY_PREFIX'] ?? 'sagashift', row.version);
  return row.percentage;
}

async function startLife(stack: Stack, pool: Pool, options: DemoOptions): Promise<Stoppable> {
  const { ratePerSecond = 25, say, lineMs = 10_000, warn } = options;
  const traffic = startTraffic({ url: stack.router, ratePerSecond, customers: await readCustomers(pool) });
  let verified: string | undefined;
  const verifying = keepVerifying({
    verify: (signal) => verify(stack.databaseUrl, { mode: 'live', record: true, signal }),
    firstMs: firstVerificationMs,
    everyMs: verificationMs,
    onReport: ({ violations }) => {
      verified = violations === 0 ? 'holds' : `${violations} VIOLATIONS`;
    },
    onFault: (error) => {
      warn(`the verification failed: ${error instanceof Error ? error.message : String(error)}`);
    },
  });
  const lines = say === undefined ? undefined : everyNowAndThen(lineMs, lineMaker());

  /** Each line is about the time since the last one. */
  function lineMaker(): () => Promise<void> {
    let [before, beforeAt] = [{ ...traffic.counts }, performance.now()];
    return async () => {
      const openSagas = await countOpenSagas(pool).catch(() => undefined);
      const [counts, now] = [{ ...traffic.counts }, performance.now()];
      const state = { counts, waiting: traffic.waiting(), openSagas, verified };
      say?.(demoLine(before, state, (now - beforeAt) / 1_000));
      [before, beforeAt] = [counts, now];
    };
  }
  return {
    stop: async () => {
      // Together: each waits for what it has in hand, and none needs the other.
      await Promise.all([traffic.stop(), verifying.stop(), lines?.stop()]);
    },
  };
}

async function countOpenSagas(pool: Pool): Promise<number> {
  const [row] = await pool.query<{ n: number }>(
    `select count(*) as n from saga_state where status in ('RUNNING', 'COMPENSATING')`,
  );
  return row?.n ?? 0;
}

function everyNowAndThen(ms: number, work: () => Promise<void>): Stoppable {
  let inHand = Promise.resolve();
  let free = true;
  const timer = setInterval(() => {
    if (!free) return;
    free = false;
    inHand = work().finally(() => (free = true));
  }, ms);
  return {
    async stop() {
      clearInterval(timer);
      await inHand;
    },
  };
}
