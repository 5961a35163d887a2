import { type ArmResult, type GuardRow, type RoundResult, type ScenarioResult, validRounds } from './result.ts';

/** A batch costs about as much as fifteen payments more: what it costs whatever its size (0.6 ms and 40 us, measured). */
const paymentsWorthOfABatch = 15;
/** Slower than this many times the first round .. */
const degradedRatio = 2;
/** .. while Postgres also burnt this many times the CPU per payment: a statement that only waited for a busy CPU did not. */
const degradedCpuRatio = 1.5;
/** Fewer batches in a round are an anecdote. */
const batchesNeeded = 50;
/** Below this many ms a unit nobody cares. */
const floorMs = 0.1;

/**
 * Compares what a batch statement costs in the last round with the first one, when its tables were shorter. Growth means a
 * plan that reads the table. Sizes of batches differ between rounds, so it is per payment plus a batch's fixed cost, and
 * processing time that the scenario adds is taken off. Rounds in which others used the machine say nothing.
 */
export function guardStatements(arms: readonly ArmResult[], scenarios: readonly ScenarioResult[]): GuardRow[] {
  return arms.flatMap((arm) => {
    const rounds = validRounds(arm).filter((round) => !round.noisy);
    const [first, last] = [rounds[0], rounds.at(-1)];
    const added = scenarios.find((scenario) => scenario.name === arm.scenario)?.addedMs ?? {};
    if (first === undefined || last === undefined || first === last) return [];
    return last.batches.flatMap(({ boundary }) => {
      const [firstMs, lastMs] = [unitMs(first, boundary, added), unitMs(last, boundary, added)];
      if (firstMs === null || lastMs === null || firstMs <= 0) return [];
      const ratio = lastMs / firstMs;
      const cpuRatio = postgresCpuRatio(first, last);
      // Where its CPU can't be seen, time alone has to tell.
      const degraded = ratio > degradedRatio && lastMs > floorMs && (cpuRatio ?? Infinity) > degradedCpuRatio;
      return { scenario: arm.scenario, arm: arm.name, boundary, firstMs, lastMs, ratio, cpuRatio, degraded };
    });
  });
}

function postgresCpuRatio({ cost: first }: RoundResult, { cost: last }: RoundResult): number | null {
  const [from, to] = [first.cpuMicros.postgres, last.cpuMicros.postgres];
  return from === null || to === null ? null : to / Math.max(1, from);
}

function unitMs(round: RoundResult, boundary: string, addedMs: Readonly<Record<string, number>>): number | null {
  const row = round.batches.find((batch) => batch.boundary === boundary);
  if (row === undefined || row.meanSize === 0 || row.batches < batchesNeeded) return null;
  const perBatch = row.statementMsPerPayment * row.meanSize - (addedMs[boundary] ?? 0);
  return perBatch / (paymentsWorthOfABatch + row.meanSize);
}
