import { scenarios as allScenarios } from '../scenarios.ts';
import { type ArmResult, type Result, validRounds } from '../result.ts';

/** Commands and scenarios that this version or this run leaves out: a report says so instead of showing nothing. */
const laterStages = [
  ['attribution ladder', 'not part of this version'],
  ['contention sweep', 'not part of this version'],
  ['capacity at a latency limit', 'not part of this version'],
  ['faults under load', 'a command of its own: npm run bench -- chaos'],
] as const;

const serverNames = { postgres: 'Postgres', redis: 'Redis' } as const;

/** Rounds of one arm may differ by so much, as a share of their mean, before they are called unsteady. */
const steadySpread = 0.5;

/** Fills in what can only be said at the end. */
export function conclude(result: Result): void {
  const { arms, validity } = result;
  for (const [stage, why] of laterStages) result.notRun.push({ stage, why });
  const ran = new Set(result.scenarios.map((scenario) => scenario.name));
  for (const { name } of allScenarios)
    if (!ran.has(name)) result.notRun.push({ stage: `scenario ${name}`, why: 'not asked for' });

  const unseen = (['postgres', 'redis'] as const).filter((part) =>
    arms.some((arm) => arm.rounds.some((round) => round.cost.cpuMicros[part] === null)),
  );
  if (unseen.length > 0)
    validity.reasons.push(
      `CPU of ${unseen.map((part) => serverNames[part]).join(' and ')} could not be seen from here: it is not measured, there is no total, and on this machine it counts as taken by others`,
    );

  const noisy = arms.flatMap((arm) => arm.rounds).filter((round) => round.noisy).length;
  if (noisy > 0) {
    validity.noisy = true;
    validity.reasons.push(
      `${noisy} of ${arms.flatMap((arm) => arm.rounds).length} rounds had more than 0.35 cores taken by others`,
    );
  }
  for (const arm of arms.filter((one) => spreadOf(one) > steadySpread)) {
    validity.unsteady = true;
    validity.reasons.push(
      `${arm.scenario}, ${arm.name}: rounds differ by ${(spreadOf(arm) * 100).toFixed(0)} % of their mean`,
    );
  }
  validity.reasons.push(...arms.flatMap(troublesOfLoad));
  for (const arm of arms) {
    const memory = Math.max(0, ...arm.rounds.flatMap((round) => [round.memoryMb.router, round.memoryMb.worker]));
    if (memory > memoryLimitMb)
      validity.reasons.push(
        `${arm.scenario}, ${arm.name}: a process took ${memory.toFixed(0)} MB, the limit is ${memoryLimitMb}`,
      );
  }
}

const memoryLimitMb = 400;

/** A generator that is late by more than this measures itself, too. */
const lateMs = 5;

function troublesOfLoad({ scenario, name, rounds }: ArmResult): string[] {
  return rounds.flatMap(({ round, offered }) => {
    if (offered === null) return [];
    const where = `${scenario}, ${name}, round ${round}`;
    const { unserved, arrivals, sendLagMs, thresholds } = offered;
    return [
      ...(unserved === 0
        ? []
        : [`${where}: ${unserved} of ${arrivals} payments were not served, all clients were waiting`]),
      ...((sendLagMs.p99 ?? 0) <= lateMs
        ? []
        : [`${where}: requests were sent late, one in a hundred by ${(sendLagMs.p99 ?? 0).toFixed(1)} ms or more`]),
      ...thresholds
        .filter(({ passed }) => !passed)
        .map(({ metric, expression }) => `${where}: the threshold ${metric} ${expression} was not met`),
    ];
  });
}

/** Half the distance between the best and the worst round, as a share of the mean. */
function spreadOf(arm: ArmResult): number {
  const rates = validRounds(arm).map((round) => round.settledPerSecond);
  if (rates.length < 2) return 0;
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  return (Math.max(...rates) - Math.min(...rates)) / 2 / mean;
}

/** 0 ok, 1 an invariant is violated or the guard failed, 3 the run is not valid. */
export function exitCodeOf(result: Result): 0 | 1 | 3 {
  const { arms, guard, drills, run } = result;
  const violations =
    arms.reduce(
      (sum, arm) => sum + arm.violations + arm.rounds.reduce((of, round) => of + round.consistency.violations, 0),
      0,
    ) + drills.reduce((sum, one) => sum + one.violations, 0);
  if (violations > 0 || guard.some((row) => row.degraded)) return 1;
  const planned = result.scenarios.reduce((sum, scenario) => sum + scenario.arms.length, 0);
  const complete =
    run.state === 'complete' &&
    arms.length === planned &&
    arms.every((arm) => arm.verified && arm.rounds.every((round) => round.valid));
  return complete ? 0 : 3;
}
