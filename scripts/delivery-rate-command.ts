import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { type Backlog, type DeliveryRate, measureDeliveryRate } from '../bench/measure/delivery-rate.ts';
import { createDatabase, databaseUrl, dropDatabase } from '../runtime/databases.ts';
import { stopInReverse, type Stoppable } from '../runtime/lifecycle.ts';
import { migrate } from '../runtime/migrate.ts';
import { type CommandIo, commandOn, exitCodeOfParsing } from '../runtime/operator-command.ts';
import { ServicesError, startServices } from '../runtime/services/services.ts';

interface Flags extends Backlog {
  readonly json?: boolean;
}

/**
 * How fast a relay works off a backlog: its own process, the data platform in another, a database of its own. Exit code 0, 2 usage,
 * 3 interrupted, 4 no servers.
 */
export async function runDeliveryRate(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
  try {
    const flags = deliveryRate(io)
      .parse([...argv], { from: 'user' })
      .opts<Flags>();
    const rate = await measure(flags, io.env, signal);
    const { events, seconds, eventsPerSecond, posts, targets } = rate;
    const text = `${events} events to ${targets} targets in ${seconds.toFixed(2)} s and ${posts} POSTs: ${eventsPerSecond} events/s\n`;
    io.out(flags.json === true ? `${JSON.stringify(rate)}\n` : text);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    if (signal.aborted) {
      io.err('interrupted: nothing was measured, and nothing is left behind\n');
      return 3;
    }
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

async function measure(backlog: Backlog, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<DeliveryRate> {
  const running: Stoppable[] = [];
  try {
    const services = await startServices({ kind: 'embedded', env, signal });
    running.push(services);
    const name = `sagashift_delivery_rate_${process.pid}`;
    await createDatabase(services.databaseUrl, name);
    running.push({ stop: () => dropDatabase(services.databaseUrl, name) });
    const url = databaseUrl(services.databaseUrl, name);
    await migrate(url);
    const places = { databaseUrl: url, redisUrl: services.redisUrl, keyPrefix: name };
    return await measureDeliveryRate(backlog, places, () => undefined, signal);
  } finally {
    await stopInReverse(running);
  }
}

function countFrom(text: string): number {
  if (Number(text) === 0) throw new InvalidArgumentError('there must be something to send');
  return wholeFrom(text);
}

function wholeFrom(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it takes a whole number up to 9999999');
}
