import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { type Stoppable, stopInReverse } from '../runtime/lifecycle.ts';
import { type CommandIo, commandOn, exitCodeOfParsing } from '../runtime/operator-command.ts';
import { type Demo, startDemo } from './demo.ts';
import { demoText } from './demo-text.ts';
import { type Stack, startStack } from './stack.ts';

export interface StartIo extends CommandIo {
  /** Keeps what `start` started until the process is told to end. */
  readonly run: (start: () => Promise<Stoppable>) => Promise<void>;
  /** Tells the process to end. */
  readonly end: () => void;
  /** Whether `out` is a terminal, on which a line may be written over; default no. */
  readonly terminal?: boolean;
}

interface StartFlags {
  readonly port: number;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly demo?: boolean;
}

/** Resolves with the exit code when everything has stopped: 0 ok, 1 failed, 2 usage or a database that is not ours, 4 unreachable. */
export async function runStart(argv: readonly string[], io: StartIo): Promise<number> {
  try {
    const command = startCommand(io).parse([...argv], { from: 'user' });
    const flags = command.opts<StartFlags>();
    if (flags.demo === true && flags.yes === true) command.error('error: --demo writes orders: not with --yes');
    let broken: string | undefined;
    let stopped = false;
    await io.run(async () => {
      const [stack, parts] = await bringUp(flags, io);
      void stack.broken.then((what) => {
        if (stopped) return;
        broken = what;
        io.end();
      });
      return {
        stop() {
          stopped = true;
          if (io.terminal === true && flags.demo === true) io.out('\n'); // the line that is written over stays as it is
          return stopInReverse(parts);
        },
      };
    });
    if (broken === undefined) return 0;
    io.err(`${broken}: everything was stopped\n`);
    return 1;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOfParsing(error);
    io.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return typeof error === 'object' && error !== null && 'exitCode' in error ? Number(error.exitCode) : 1;
  }
}

/** Prints what there is as soon as it is there. */
async function bringUp({ port, json, yes, demo }: StartFlags, io: StartIo): Promise<[Stack, Stoppable[]]> {
  const stack = await startStack({ env: io.env, port, yes: yes === true, demo: demo === true });
  if (demo !== true) {
    io.out(json === true ? `${JSON.stringify(asJson(stack))}\n` : asText(stack));
    return [stack, [stack]];
  }
  try {
    const life = await startDemo(stack, demoOptions(io, json === true));
    io.out(json === true ? `${JSON.stringify(asJson(stack, life))}\n` : demoText(stack, life));
    return [stack, [stack, life]];
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** A machine is told once. A terminal has one line that is written over, a file a line every 10 s. */
function demoOptions({ env, err, out, terminal = false }: StartIo, json: boolean): Parameters<typeof startDemo>[1] {
  const say = terminal
    ? (line: string) => {
        out(`\r\u001b[2K  ${line}`);
      }
    : (line: string) => {
        out(`${line}\n`);
      };
  return {
    env,
    lineMs: terminal ? 2_000 : 10_000,
    say: json ? undefined : say,
    warn: (line) => {
      err(`${terminal ? '\n' : ''}${line}\n`);
    },
  };
}

const startCommand = (io: StartIo): Command =>
  commandOn('start', io)
    .description(
      'Starts the whole stack: Postgres and Redis (or DATABASE_URL, REDIS_URL), data, data platform, router, orchestrator',
    )
    .option('--port <number>', 'of the router; 0 takes a free one', portFrom, 0)
    .option('--yes', 'add our tables to a database of DATABASE_URL that holds tables of somebody else')
    .option('--demo', 'with life: a canary of 30 %, people who buy, verifications, Prometheus if there is one')
    .option('--json', 'print one line of JSON when everything is up');

function portFrom(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('a port is a number from 0 to 65535');
}

const asJson = (
  { router, orchestrator, dataPlatform, databaseUrl, redisUrl, how, order, pids }: Stack,
  demo?: Demo,
): object => ({
  ready: true,
  name: 'start',
  url: router,
  console: `${router}/console`,
  orchestrator,
  dataPlatform,
  databaseUrl,
  redisUrl,
  how,
  order,
  pids,
  ...(demo === undefined ? {} : { demo: { canary: demo.canary, prometheus: demo.prometheus } }),
});

function asText({
  router,
  orchestrator,
  dataPlatform,
  databaseUrl,
  redisUrl,
  how,
  order = { id: 1, userId: 1 },
  pids: [platformPid, orchestratorPid, routerPid],
}: Stack): string {
  return `Sagashift is up; Ctrl-C stops it all.

  router         ${router} (pid ${routerPid})
  status page    ${router}/console
  orchestrator   ${orchestrator}/metrics (pid ${orchestratorPid})
  data platform  ${dataPlatform}/v1/stats (pid ${platformPid})
  postgres       ${databaseUrl} (${how.postgres})
  redis          ${redisUrl} (${how.redis})

Pay an order, look at it, see what the outside heard of it:

  curl -s -X POST ${router}/v1/orders/${order.id}/payments -H 'content-type: application/json' -d '{"userId":${order.userId}}'
  curl -s ${router}/v1/orders/${order.id}
  curl -s ${dataPlatform}/v1/stats

Everybody is on the monolith so far. Send half of the users to the saga:

  DATABASE_URL=${databaseUrl} REDIS_URL=${redisUrl} npm run canary -- set 50 --reason 'a first look'
`;
}
