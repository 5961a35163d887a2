import {
  available,
  closedLoopOnly,
  consistent,
  delivered,
  elsewhere,
  improvement,
  type KpiRow,
  type Measured,
  recovery,
  share,
  successes,
} from './kpi-judges.ts';
import type { Kpi } from './result.ts';

/** Every promise of the migration, in its order. */
export const kpiRows: readonly KpiRow[] = [
  { id: 'throughput', title: 'Throughput', target: '5x', judge: closedLoopOnly(improvement('settled/s', 5)) },
  {
    id: 'transaction-time',
    title: 'Transaction time (sum over boundaries)',
    target: '1/5',
    judge: improvement('transaction time', 5),
  },
  { id: 'lock-hold', title: 'Lock hold (longest of a payment)', target: '1/4', judge: improvement('lock hold', 4) },
  {
    id: 'success',
    title: 'Success (paid or refused by rule)',
    target: '99.9 %',
    least: 0.999,
    judge: share((arm) => successes(arm)),
  },
  { id: 'recovery', title: 'Recovery after a killed worker', target: '30 min to 5 min', judge: recovery(300) },
  { id: 'consistency', title: 'Consistency', target: '99.99 %', least: 0.9999, judge: share((arm) => consistent(arm)) },
  {
    id: 'delivery',
    title: 'Delivery to the outside',
    target: '99.9 %',
    least: 0.999,
    judge: share((arm) => delivered(arm)),
  },
  {
    id: 'availability',
    title: 'Availability',
    target: '99.99 %',
    least: 0.9999,
    judge: share((arm) => available(arm)),
  },
  {
    id: 'coverage',
    title: 'Test coverage',
    target: '80 %',
    judge: elsewhere('NOT RUN', 'npm test enforces it: 80 % of lines and branches, every folder'),
  },
  {
    id: 'independent-deployment',
    title: 'Domains deployed on their own',
    target: 'each domain',
    judge: elsewhere(
      'NOT RUN',
      'each choreography domain is a role of its own, but needs one schema; a database per domain was not run',
    ),
  },
  {
    id: 'development-time',
    title: 'Development time of a feature',
    target: 'shorter',
    judge: elsewhere('not measurable by this tool', 'it takes people and months'),
  },
];

/** The target of a KPI that is a share. */
export const leastShareOf = (id: 'success' | 'availability'): number =>
  kpiRows.find((row) => row.id === id)?.least ?? 1;

export const judgeKpis = (measured: Measured): Kpi[] => kpiRows.flatMap((row) => row.judge(row, measured));
