import type { RoundResult } from '../result.ts';

/** Above this many cores kept busy by others a round is noisy: it counts, and the report says so. */
const noisyCores = 0.35;

/** Whether a round counts, and if not why. By rule, never by its result; every round stays in the file. */
export function judge(
  round: Omit<RoundResult, 'valid' | 'reasons' | 'noisy'>,
  deaths: readonly string[],
  loadFaults: readonly string[] = [],
): Pick<RoundResult, 'valid' | 'reasons' | 'noisy'> {
  const { counting, drain, outcomes } = round;
  const settled = outcomes.paid + outcomes.refused;
  const reasons = [
    ...deaths.map((death) => `a process of the arm ended: ${death.slice(0, 300)}`),
    ...loadFaults.map((fault) => `the load: ${fault.slice(0, 500)}`),
    ...(counting.driver === counting.database
      ? []
      : [`the driver saw ${counting.driver} final orders, the database shows ${counting.database} of them so`]),
    ...(counting.otherEngine === 0 ? [] : [`${counting.otherEngine} orders were worked on by another engine`]),
    ...(drain.underOneSecond
      ? []
      : [
          `${drain.openSagas} open sagas and ${drain.undelivered} deliveries were left at the end: more than one second of traffic`,
        ]),
    ...(drain.drained ? [] : ['it did not drain']),
    ...(settled === 0 ? ['no payment was settled'] : []),
  ];
  return { valid: reasons.length === 0, reasons, noisy: round.foreignCores > noisyCores };
}
