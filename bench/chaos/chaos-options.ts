import { type Command, Option } from 'commander';
import { sabotages } from '../../runtime/injected-fault.ts';
import { defaultSeed, listOf, whole } from '../option-values.ts';
import type { ChaosOptions } from './chaos-plan.ts';
import { type FaultName, faults } from './faults.ts';
import { type FigureName, figures } from './figures/figures.ts';

export interface ChaosFlags {
  faults?: FaultName[];
  figures?: FigureName[];
  engines: ChaosOptions['styles'];
  seed: number;
  rate?: number;
  quick?: true;
  full?: true;
  out?: string;
  sabotage?: string;
  json?: true;
}

export function chaosOptions(command: Command): Command {
  const names = faults.map(({ name }) => name);
  const styles: ChaosOptions['styles'][number][] = ['orchestration', 'choreography'];
  return command
    .option('--seed <n>', 'of data, order and moments of the faults', whole(0, 2 ** 32 - 1), defaultSeed)
    .option('--faults <a,b>', `of ${names.join(', ')}; default: all, --quick some`, listOf('fault', names))
    .option('--engines <a,b>', `of ${styles.join(', ')}`, listOf('engine', styles), styles)
    .option('--rate <n>', 'payments a second; default 300, --quick 200', whole(20, 1_000))
    .option(
      '--figures <a,b>',
      `of ${figures.map(({ name, title }) => `${name} (${title})`).join(', ')}; default: all but ${longFigures.join(', ')}, none if only --faults is given or with --quick`,
      listOf('figure', figureNames),
    )
    .addOption(
      new Option('--quick', 'short loads, each fault in one of the styles, at most 90 s, no figures').conflicts('full'),
    )
    .option('--full', 'every figure, too; takes about 16 minutes')
    .option('--out <dir>', 'default bench/results/<run>; must be empty or an earlier result')
    .addOption(
      new Option('--sabotage <name>', 'switch a safety mechanism off, to see that the faults show it').choices(
        sabotages,
      ),
    )
    .option('--json', 'print the result as JSON on stdout, everything else on stderr');
}

const figureNames = figures.map(({ name }) => name);
const longFigures = figures.flatMap(({ name, long }) => (long ? [name] : []));

/** Who names faults or figures wants those and no others. */
export const toChaosOptions = (flags: ChaosFlags): ChaosOptions => ({
  faults: flags.faults ?? (flags.figures === undefined ? faultsOf(flags) : []),
  figures: flags.figures ?? (flags.faults === undefined || flags.full === true ? figuresOf(flags) : []),
  styles: flags.engines,
  quick: flags.quick ?? false,
  seed: flags.seed,
  ratePerSecond: flags.rate ?? (flags.quick === true ? 200 : 300),
  sabotage: flags.sabotage ?? null,
  out: flags.out ?? null,
  json: flags.json ?? false,
});

const faultsOf = ({ quick: short }: ChaosFlags): FaultName[] =>
  faults.flatMap(({ name, quick }) => (quick || short !== true ? [name] : []));

const figuresOf = ({ quick, full }: ChaosFlags): FigureName[] =>
  quick === true ? [] : figures.flatMap(({ name, long }) => (full === true || !long ? [name] : []));
