import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Tx } from '../domain/ports.ts';
import { openConnection } from '../runtime/database.ts';
import { createDatabase, databaseUrl, dropDatabase } from '../runtime/databases.ts';
import { stopInReverse, type Stoppable } from '../runtime/lifecycle.ts';
import { migrate } from '../runtime/migrate.ts';
import { type CommandIo, commandOn, exitCodeOfParsing } from '../runtime/operator-command.ts';
import { ServicesError, startServices } from '../runtime/services/services.ts';
import { startChild } from './child-process.ts';

interface Flags {
  readonly events: number;
  readonly targets: readonly string[];
  readonly latencyMs: number;
  readonly json?: boolean;
}

interface Rate {
  readonly events: number;
  readonly targets: number;
  readonly posts: number;
  /** From the first POST that was taken until the last event was marked. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/** How fast a relay works off a backlog: its own process, the data platform in another, a database of its own. Exit code 0, 2 usage, 4 no servers. */
export async function runDeliveryRate(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const flags = deliveryRate(io)
      .parse([...argv], { from: 'user' })
      .opts<Flags>();
    const rate = await measure(flags, io.env);
    const { events, seconds, eventsPerSecond, posts, targets } = rate;
    const text = `${events} events to ${targets} targets in ${seconds.toFixed(2)} s and ${posts} POSTs: ${eventsPerSecond} events/s\n`;
    io.out(flags.json === true ? `${JSON.stringify(rate)}\n` : text);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    if (!(error instanceof ServicesError)) throw error;
    io.err(`${error.message}\n`);
    return 4;
  }
}

const deliveryRate = (io: CommandIo): Command =>
  commandOn('delivery:rate', io)
    .description('Measures how fast a relay sends a backlog to the local data platform')
    .option('--events <n>', 'in all', countFrom, 60_000)
    .option('--targets <names>', 'separated by commas, each gets its share', (text) => text.split(','), [
      'data-platform',
    ])
    .option('--latency-ms <ms>', 'of the data platform', wholeFrom, 0)
    .option('--json', 'print one JSON document')
    .allowExcessArguments(false);

async function measure({ events, targets, latencyMs }: Flags, env: NodeJS.ProcessEnv): Promise<Rate> {
  const running: Stoppable[] = [];
  try {
    const services = await startServices({ kind: 'embedded', env });
    running.push(services);
    const name = `sagashift_delivery_rate_${process.pid}`;
    await createDatabase(services.databaseUrl, name);
    running.push({ stop: () => dropDatabase(services.databaseUrl, name) });
    const url = databaseUrl(services.databaseUrl, name);
    await migrate(url);
    const db = await openConnection({ url, applicationName: 'delivery rate' });
    running.push({ stop: () => db.close() });
    await db.query(backlogSql, [events, targets]);

    const args = ['scripts/service.ts', 'dataplatform', '--latency-ms', String(latencyMs)];
    const platform = await startChild('data platform', args, env);
    running.push(platform);
    const relayEnv = {
      ...env,
      DATABASE_URL: url,
      REDIS_URL: services.redisUrl,
      SAGASHIFT_KEY_PREFIX: name,
      SAGASHIFT_DATA_PLATFORM_URL: platform.url,
      SAGASHIFT_LOG_LEVEL: 'warn',
    };
    running.push(await startChild('relay', ['scripts/service.ts', 'delivery'], relayEnv));
    return { events, targets: targets.length, ...(await watch(db, platform.url, events)) };
  } finally {
    await stopInReverse(running);
  }
}

const backlogSql = `insert into external_event_log (order_id, event_type, target_system, event_data)
  select n, 'payment.completed', ($2::text[])[1 + n % cardinality($2::text[])],
    jsonb_build_object('paymentId', n, 'orderId', n, 'userId', n % 1000, 'amount', 1000) from generate_series(1, $1::int) n`;

/** Time begins with the first look at which something had arrived; what had arrived by then does not count into the rate. */
async function watch(db: Tx, platform: string, events: number): Promise<Omit<Rate, 'events' | 'targets'>> {
  let first: { readonly at: number; readonly arrived: number } | undefined;
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    const { arrived, posts } = await received(platform);
    if (arrived > 0) first ??= { at: performance.now(), arrived };
    const [open] = await db.query(`select from external_event_log where status in ('PENDING', 'FAILED') limit 1`);
    if (open === undefined && first !== undefined) {
      const seconds = Math.max((performance.now() - first.at) / 1_000, 0.001);
      return { posts, seconds, eventsPerSecond: Math.round((events - first.arrived) / seconds) };
    }
    await sleep(20);
  }
  throw new Error(`not delivered within ${limitMs / 1_000} s`);
}

const limitMs = 300_000;

async function received(platform: string): Promise<{ arrived: number; posts: number }> {
  const stats = (await (await fetch(`${platform}/v1/stats`)).json()) as Record<
    string,
    { readonly events: number; readonly requests: number }
  >;
  const sources = Object.values(stats);
  return {
    arrived: sources.reduce((sum, source) => sum + source.events, 0),
    posts: sources.reduce((sum, source) => sum + source.requests, 0),
  };
}

function countFrom(text: string): number {
  if (Number(text) === 0) throw new InvalidArgumentError('there must be something to send');
  return wholeFrom(text);
}

function wholeFrom(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it takes a whole number up to 9999999');
}
