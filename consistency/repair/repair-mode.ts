import { userInfo } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';
import { type CommandIo, type CommandMode, exitCodes } from '../command-mode.ts';
import type { Invariant } from '../catalogue/invariant.ts';
import { invariants } from '../invariants.ts';
import { modeOption } from '../pass-mode.ts';
import type { Mode } from '../verifier.ts';
import { applyAll, isSettled, proposeAll } from './repair-run.ts';
import { appliedText, proposalsText, settledText } from './repair-text.ts';

interface RepairFlags {
  readonly mode: Mode;
  readonly codes?: readonly string[];
  readonly apply?: true | readonly string[];
  readonly all?: boolean;
  readonly reason?: string;
  readonly by?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** Says what would mend each finding; changes nothing unless --apply says what and --reason says why. */
export const repairMode: CommandMode = {
  flag: 'repair',
  options: [
    new Option('--repair', 'propose a repair for each finding; without --apply nothing is changed'),
    modeOption,
    new Option('--codes <codes>', 'only these invariants, e.g. B5,P5').argParser(codesFrom),
    new Option('--apply [refs...]', 'repair these findings, named as the proposal does, e.g. B5:17'),
    new Option('--all', 'with --apply: every finding that has a safe repair, up to the limit'),
    new Option('--reason <text>', 'with --apply: why; kept in operator_action').argParser(textFrom),
    new Option('--by <name>', 'with --apply: who, default the user of this terminal').argParser(textFrom),
    new Option('--limit <n>', 'at most so many findings, up to 1000').default(100).argParser(limitFrom),
  ],
  async run(databaseUrl, given, io) {
    const flags = given as unknown as RepairFlags;
    const wrong = wrongUse(flags);
    if (wrong !== undefined) {
      io.err(`${wrong}\n`);
      return exitCodes.usage;
    }
    return flags.apply === undefined ? proposed(databaseUrl, flags, io) : applied(databaseUrl, flags, io);
  },
};

function wrongUse({ apply, all = false, reason, by }: RepairFlags): string | undefined {
  if (apply === undefined) {
    if (all || reason !== undefined || by !== undefined) return 'to repair, say --apply; without it nothing is changed';
    return undefined;
  }
  if ((apply !== true) === all) return 'which? Give findings, like --apply B5:17, or --apply --all';
  if (reason === undefined) return `why? Give --reason '...': it is kept in operator_action with what was done`;
  const strange = apply === true ? undefined : apply.find((ref) => !/^[A-Z]\d+:\S+$/.test(ref));
  return strange === undefined ? undefined : `'${strange}' is not a finding: they are named like B5:17`;
}

async function proposed(url: string, flags: RepairFlags, io: CommandIo): Promise<number> {
  const proposals = await proposeAll(url, { ...optionsOf(flags, io), asked: askedBy(flags) });
  io.out(flags.json === true ? `${JSON.stringify(proposals, null, 2)}\n` : proposalsText(proposals));
  return proposals.findings.length === 0 ? exitCodes.ok : exitCodes.violated;
}

async function applied(url: string, flags: RepairFlags, io: CommandIo): Promise<number> {
  const { json = false, reason = '', by, apply } = flags;
  const refs = apply === true ? undefined : apply;
  const result = await applyAll(url, {
    ...optionsOf(flags, io),
    asked:
      refs === undefined
        ? askedBy(flags)
        : invariants.filter(({ code }) => refs.some((ref) => ref.startsWith(`${code}:`))),
    ...(refs && { refs }),
    by: { actor: by ?? userOf(io.env), command: 'verify --repair', reason },
    onSettled: (one) => {
      if (!json) (isSettled(one.outcome) ? io.out : io.err)(settledText(one));
    },
  });
  io.out(json ? `${JSON.stringify(result, null, 2)}\n` : appliedText(result));
  return result.left.length + result.more === 0 ? exitCodes.ok : exitCodes.violated;
}

const optionsOf = ({ limit }: RepairFlags, { signal }: CommandIo) => ({
  limit,
  signal: signal ?? new AbortController().signal,
});

/** What is late or in flight is no damage: class Q is asked when nothing is in work, or when it is named. */
const askedBy = ({ codes, mode }: RepairFlags): readonly Invariant[] =>
  invariants.filter(({ code, class: kind }) => codes?.includes(code) ?? (kind !== 'Q' || mode === 'drained'));

const userOf = ({ USER: user }: NodeJS.ProcessEnv): string =>
  user === undefined || user.trim() === '' ? userInfo().username : user;

function codesFrom(text: string): string[] {
  const codes = text.split(',').map((code) => code.trim().toUpperCase());
  const strange = codes.find((code) => !invariants.some((invariant) => invariant.code === code));
  if (strange !== undefined) throw new InvalidArgumentError(`there is no invariant '${strange}'`);
  return codes;
}

function textFrom(text: string): string {
  if (text.trim() === '' || text.length > 500) throw new InvalidArgumentError('it takes 1 to 500 characters');
  return text.trim();
}

function limitFrom(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1_000) return Number(text);
  throw new InvalidArgumentError('it takes a whole number from 1 to 1000');
}
