import { type CommandIo, exitCodes } from './command-mode.ts';
import type { VerificationReport } from './verifier.ts';

/** The exit code of a pass. What proves nothing although nothing is wrong is said, and is never 0; `empty` is why there may be no orders. */
export function verdictOn(report: VerificationReport, empty: string, io: Pick<CommandIo, 'err'>): number {
  if (report.violations > 0) return exitCodes.violated;
  const why = whyInvalid(report, empty);
  if (why === undefined) return exitCodes.ok;
  io.err(`${why}\n`);
  return exitCodes.invalid;
}

function whyInvalid({ perInvariant, gaps = [], doubts = [] }: VerificationReport, empty: string): string | undefined {
  const ordersExamined = perInvariant.find(({ code }) => code === 'P4')?.examined ?? 0;
  if (ordersExamined === 0) return `nothing examined: ${empty}`;
  if (gaps.length > 0) return 'invariants examined nothing where there must be something: this is no proof';
  return doubts.length > 0 ? 'this is no proof while there is doubt' : undefined;
}
