import type { BusinessEvents } from '../../runtime/telemetry.ts';
import type { ArmResult, Result, RoundResult } from '../result.ts';

/** What a run tells while it goes on. */
export interface RunEvents {
  started(result: Result): void;
  roundStarted(scenario: string, arm: string, round: number): void;
  roundFinished(arm: ArmResult, round: RoundResult): void;
  /** The verdicts, and how the run ended. */
  finished(result: Result): void;
}

export function createRunEvents(events: BusinessEvents, run: string): RunEvents {
  return {
    started({ run: { mode, seed, rounds, commit }, scenarios }) {
      const names = scenarios.map((scenario) => scenario.name).join(' ');
      events.push('run.started', { run, mode, seed, scenarios: names, rounds, commit });
    },
    roundStarted(scenario, arm, round) {
      events.push('round.started', { run, scenario, arm, round });
    },
    roundFinished({ scenario, name, engine }, { round, settledPerSecond, latencyMs: { p50, p99 }, valid }) {
      events.push('round.finished', {
        run,
        scenario,
        arm: name,
        engine,
        round,
        settledPerSecond: rounded(settledPerSecond),
        p50Ms: rounded(p50),
        p99Ms: rounded(p99),
        valid,
      });
    },
    finished(result) {
      for (const { scenario, metric, candidate, baseline, ratio, verdict } of result.comparisons)
        events.push('verdict', { run, scenario, metric, candidate, baseline, ratio: rounded(ratio), verdict });
      const { arms, drills, notRun } = result;
      events.push('run.finished', {
        run,
        state: result.run.state,
        seconds: rounded(result.run.seconds),
        rounds: arms.reduce((sum, arm) => sum + arm.rounds.length, 0),
        violations: [...arms, ...drills].reduce((sum, one) => sum + one.violations, 0),
        notRun: notRun.length,
      });
    },
  };
}

const rounded = <Value extends number | null>(value: Value): Value | number =>
  value === null ? value : Number(value.toPrecision(6));
