import type { DemoCounts } from './demo-counts.ts';

export interface DemoState {
  readonly counts: Readonly<DemoCounts>;
  readonly waiting: boolean;
  /** Undefined while the database does not say. */
  readonly openSagas: number | undefined;
  /** What the last verification said, or undefined when there was none yet. */
  readonly verified: string | undefined;
}

/** What happened between two moments, in one line for the terminal. */
export function demoLine(
  before: DemoCounts,
  { counts, waiting, openSagas, verified }: DemoState,
  seconds: number,
): string {
  const perSecond = (name: keyof DemoCounts): string => ((counts[name] - before[name]) / seconds).toFixed(1);
  return [
    `payments/s ${perSecond('legacy')} legacy, ${perSecond('saga')} saga`,
    `refused/s ${perSecond('refused')}`,
    `open sagas ${openSagas ?? '?'}`,
    ...(counts.failed > before.failed ? [`${counts.failed - before.failed} failed`] : []),
    ...(waiting ? ['the router takes nothing now: waiting'] : []),
    ...(verified === undefined ? [] : [`verified: ${verified}`]),
  ].join(' · ');
}
