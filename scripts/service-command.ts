import { Argument, type Command, CommanderError, InvalidArgumentError } from 'commander';
import { ConfigError } from '../runtime/environment.ts';
import type { Stoppable } from '../runtime/lifecycle.ts';
import { type CommandIo, commandOn, exitCodeOfParsing } from '../runtime/operator-command.ts';
import { type Service, type ServiceRole, serviceRoles, startService } from './service-roles.ts';

export interface ServiceIo extends CommandIo {
  readonly ready: (service: Service) => void;
  /** Keeps what `start` started until the process is told to end. */
  readonly run: (start: () => Promise<Stoppable>) => Promise<void>;
}

/** Resolves with the exit code when the service has stopped: 0 ok, 1 failed, 2 usage. */
export async function runService(argv: readonly string[], io: ServiceIo): Promise<number> {
  try {
    const command = serviceCommand(io).parse([...argv], { from: 'user' });
    const { port, ...dataPlatform } = command.opts<{
      port: number;
      latencyMs: number;
      failureRate: number;
      seed: number;
    }>();
    const roles = [...new Set(command.args as ServiceRole[])];
    await io.run(async () => {
      const service = await startService({ roles, port, dataPlatform, env: io.env });
      io.ready(service);
      return service;
    });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    io.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? error.exitCode : 1;
  }
}

const serviceCommand = (io: ServiceIo): Command =>
  commandOn('service', io)
    .description(
      'Runs workers of the sagas, the delivery relay, the nightly verification or the data platform: one role, or several in one process',
    )
    .addArgument(new Argument('<role...>', 'what to run').choices(serviceRoles))
    .option('--port <number>', 'of the data platform, else of /metrics; 0 takes a free one', whole(0, 65_535), 0)
    .option('--latency-ms <ms>', 'dataplatform: how long it takes to answer', decimal(0, 600_000), 0)
    .option('--failure-rate <share>', 'dataplatform: share of the POSTs answered 503', decimal(0, 1), 0)
    .option('--seed <number>', 'dataplatform: decides which ones fail', whole(0, 2 ** 32 - 1), 1);

const number = (pattern: RegExp, from: number, to: number) => (text: string) => {
  const n = Number(text);
  if (pattern.test(text) && n >= from && n <= to) return n;
  throw new InvalidArgumentError(`takes a number from ${from} to ${to}`);
};
const whole = (from: number, to: number) => number(/^\d{1,10}$/, from, to);
const decimal = (from: number, to: number) => number(/^\d{1,10}(\.\d{1,10})?$/, from, to);
