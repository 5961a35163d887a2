import { Command, CommanderError, Option } from 'commander';
import { type EngineName, engines } from '../domain/engines.ts';
import type { ChaosOptions } from './chaos/chaos-plan.ts';
import { type ChaosFlags, chaosOptions, toChaosOptions } from './chaos/chaos-options.ts';
import { sabotages } from '../runtime/injected-fault.ts';
import { between, defaultSeed, listOf, whole } from './option-values.ts';
import { defaultRatePerSecond, isOpenLoop, type LoadName, loads } from './load/loads.ts';
import { defaultScenarios, fullScenarios, scenarios } from './scenarios.ts';

export type Mode = 'quick' | 'default' | 'full';

export interface RunOptions {
  readonly mode: Mode;
  readonly engines: readonly EngineName[];
  readonly scenarios: readonly string[];
  readonly rounds: number | null;
  readonly windowSeconds: number | null;
  readonly clients: number | null;
  readonly load: LoadName;
  /** Payments a second that an open loop offers to every arm; null for a closed loop. */
  readonly ratePerSecond: number | null;
  readonly seed: number;
  readonly out: string | null;
  readonly keep: boolean;
  readonly services: 'embedded' | 'docker';
  readonly timeScale: number;
  readonly outsideMs: number | null;
  readonly sabotage: string | null;
  readonly json: boolean;
}

export type BenchCommand =
  | { readonly name: 'run'; readonly options: RunOptions }
  | { readonly name: 'chaos'; readonly options: ChaosOptions }
  | { readonly name: 'report'; readonly file: string; readonly out: string | null }
  | { readonly name: 'help'; readonly text: string };

/** What was asked for makes no sense; the message names what would. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const laterCommands = ['ladder', 'sweep', 'capacity', 'compare', 'replay'];
const engineNames = engines.map((engine) => engine.name);

/** Throws a UsageError. `argv` without node and script. */
export function parseCommand(argv: readonly string[]): BenchCommand {
  let parsed: BenchCommand | undefined;
  let help = '';
  const later = laterCommands.find((name) => argv[0] === name);
  if (later !== undefined)
    throw new UsageError(`'${later}' does not exist yet. Commands: run (the default), chaos, report`);
  const program = createProgram(
    (command) => (parsed = command),
    (text) => (help += text),
  );
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { name: 'help', text: help };
    throw new UsageError(error.message.replace(/^error: /, ''));
  }
  return parsed ?? { name: 'help', text: help };
}

function createProgram(found: (command: BenchCommand) => void, writeOut: (text: string) => void): Command {
  const program = new Command('npm run bench --')
    .description('Compares the monolith, its lean rival and two sagas on real Postgres and Redis.')
    .exitOverride()
    .configureOutput({ writeOut, writeErr: () => undefined });
  const run = runOptions(program.command('run', { isDefault: true }).description('measure (the default)')).action(
    (flags: Flags) => {
      found({ name: 'run', options: toRunOptions(flags) });
    },
  );
  program.addHelpText('after', () => `\n${run.helpInformation()}`); // who asks without a command asks for the default one's options
  chaosOptions(
    program.command('chaos').description('break the sagas under load, and see that no payment is lost'),
  ).action((flags: ChaosFlags) => {
    found({ name: 'chaos', options: toChaosOptions(flags) });
  });
  program
    .command('report')
    .description('render report.html again from a result.json')
    .argument('<result.json>')
    .option('--out <dir>', 'where to write report.html; default: beside the result')
    .action((file: string, flags: { out?: string }) => {
      found({ name: 'report', file, out: flags.out ?? null });
    });
  for (const command of [program, ...program.commands]) command.allowExcessArguments(false).exitOverride();
  return program;
}

interface Flags {
  engines: EngineName[];
  scenario?: string[];
  rounds?: number;
  duration?: number;
  clients?: number;
  rate?: number;
  load: LoadName;
  seed: number;
  quick?: true;
  full?: true;
  out?: string;
  keep?: true;
  services: 'embedded' | 'docker';
  timeScale: number;
  outsideMs?: number;
  sabotage?: string;
  json?: true;
}

function runOptions(command: Command): Command {
  const scenarioNames = scenarios.map((row) => row.name);
  return command
    .option('--engines <a,b>', `of ${engineNames.join(', ')}`, listOf('engine', engineNames), engineNames)
    .option(
      '--scenario <a,b>',
      `of ${scenarioNames.join(', ')}; default: ${defaultScenarios.join(', ')}; --full adds ${fullScenarios.slice(defaultScenarios.length).join(', ')}`,
      listOf('scenario', scenarioNames),
    )
    .option('--rounds <n>', 'rounds of each arm; default 3, --quick 1, --full 10', whole(1, 100))
    .option('--duration <s>', 'measured seconds of a round; default: what fits the time of the mode', between(0.5, 600))
    .option(
      '--clients <n>',
      'requests in flight, in an open loop at most; default: the scenario says, in an open loop 256',
      whole(1, 1_024),
    )
    .option('--seed <n>', 'of data, order of the arms and statistics', whole(0, 2 ** 32 - 1), defaultSeed)
    .addOption(
      new Option('--load <driver>', 'autocannon: closed loop; open, k6: open loop, payments come at --rate')
        .choices(loads.map((row) => row.name))
        .default('autocannon'),
    )
    .option(
      '--rate <n>',
      `payments a second in an open loop, the same for every engine; default ${defaultRatePerSecond}`,
      whole(1, 5_000),
    )
    .addOption(new Option('--quick', 'one short round each, at most 90 s, no verdicts').conflicts('full'))
    .option('--full', '10 rounds, an A/A arm, verdicts and a recovery drill; takes about an hour')
    .option('--out <dir>', 'default bench/results/<run>; must be empty or an earlier result')
    .option('--keep', 'keep the databases')
    .addOption(
      new Option('--services <how>', 'where Postgres and Redis come from if no URL is given; docker: containers')
        .choices(['embedded', 'docker'])
        .default('embedded'),
    )
    .option(
      '--time-scale <x>',
      'shrinks processing times, outside call and time-outs of seed',
      between(0.0001, 1),
      0.01,
    )
    .option('--outside-ms <n>', 'another time for the outside call, in every scenario', between(0, 60_000))
    .addOption(
      new Option('--sabotage <name>', 'break an engine on purpose, to prove that the verifier sees the fault').choices(
        sabotages,
      ),
    )
    .option('--json', 'print the result as JSON on stdout, everything else on stderr');
}

function toRunOptions(flags: Flags): RunOptions {
  const open = isOpenLoop(flags.load);
  if (flags.rate !== undefined && !open)
    throw new UsageError(
      `--rate needs an open loop: add --load k6 or --load open. With ${flags.load} each client asks again when it has been answered, whatever rate that makes`,
    );
  return {
    mode: flags.quick ? 'quick' : flags.full ? 'full' : 'default',
    engines: flags.engines,
    scenarios: flags.scenario ?? (flags.full ? fullScenarios : defaultScenarios),
    rounds: flags.rounds ?? null,
    windowSeconds: flags.duration ?? null,
    clients: flags.clients ?? null,
    load: flags.load,
    ratePerSecond: open ? (flags.rate ?? defaultRatePerSecond) : null,
    seed: flags.seed,
    out: flags.out ?? null,
    keep: flags.keep ?? false,
    services: flags.services,
    timeScale: flags.timeScale,
    outsideMs: flags.outsideMs ?? null,
    sabotage: flags.sabotage ?? null,
    json: flags.json ?? false,
  };
}
