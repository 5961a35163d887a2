import { metricNames as m } from '../../runtime/metrics.ts';
import { checkedIn, mismatchesIn } from './promql.ts';

/** A promise about the share of good events. */
export interface Slo {
  readonly id: string;
  /** In names of alerts. */
  readonly name: string;
  readonly objective: number;
  /** Share of bad events in a window, 0 to 1; nothing when there was no event. */
  readonly errorRatio: (window: string) => string;
  /** What it means for people when it is broken. */
  readonly meaning: string;
}

export const slos: readonly Slo[] = [
  {
    id: 'success',
    name: 'Success',
    objective: 0.999,
    errorRatio: (window) =>
      `sum by (side) (rate(${m.requests}{outcome="bad"}[${window}])) / (sum by (side) (rate(${m.requests}[${window}])) > 0)`,
    meaning: 'payments on the {{ $labels.side }} side end in a fault or are not final in time',
  },
  {
    id: 'consistency',
    name: 'Consistency',
    objective: 0.9999,
    errorRatio: (window) => `${mismatchesIn(window)} / (${checkedIn(window)} > 0)`,
    meaning: 'verified orders do not add up',
  },
  {
    id: 'delivery',
    name: 'Delivery',
    objective: 0.999,
    errorRatio: (window) =>
      `(sum(rate(${m.deliveries}{status="DEAD_LETTER"}[${window}])) or vector(0)) / (sum(rate(${m.deliveries}{status=~"SENT|DEAD_LETTER"}[${window}])) > 0)`,
    meaning: 'events for the outside are given up on',
  },
];

/** Recorded under this name and the window, with the label `slo`, as Sloth does. */
export const errorRatioName = (window: string): string => `slo:sli_error:ratio_rate${window}`;

/** The budget is spent this many times too fast, seen over a short and a long window: the short one ends the alert soon. */
interface Burn {
  readonly times: number;
  readonly short: string;
  readonly long: string;
}

/** The windows of the SRE workbook for a month's budget. */
export const monthly: Readonly<Record<'page' | 'ticket', readonly Burn[]>> = {
  page: [
    { times: 14.4, short: '5m', long: '1h' },
    { times: 6, short: '30m', long: '6h' },
  ],
  ticket: [
    { times: 3, short: '2h', long: '1d' },
    { times: 1, short: '6h', long: '3d' },
  ],
};

/** A month's burn rate says nothing about a run of five minutes. */
export const bench: readonly Burn[] = [{ times: 14.4, short: '30s', long: '2m' }];

export const windowsOf = (burns: readonly Burn[]): string[] => [
  ...new Set(burns.flatMap(({ short, long }) => [short, long])),
];

export function burnExpression({ id, objective }: Slo, burns: readonly Burn[]): string {
  const budget = Number((1 - objective).toPrecision(6));
  const above = (window: string, times: number): string =>
    `${errorRatioName(window)}{slo="${id}"} > (${times} * ${budget})`;
  return burns.map(({ times, short, long }) => `(${above(short, times)} and ${above(long, times)})`).join(' or ');
}
