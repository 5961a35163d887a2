import { kpiRows } from '../../bench/kpi.ts';
import type { DashboardRow } from './dashboard.ts';
import { latency, traffic, transactions } from './migration-kpi/side-sections.ts';
import { targets } from './migration-kpi/targets.ts';
import { online, recovery, success } from './migration-kpi/trust-sections.ts';

const measuredElsewhere = ['coverage', 'independent-deployment', 'development-time'];

export const migrationKpi: DashboardRow = {
  uid: 'sagashift-migration-kpi',
  title: 'Sagashift: migration KPI',
  description: 'Every KPI of the migration with its target, the monolith and the sagas side by side.',
  sections: [{ title: 'Targets', panels: targets }, traffic, latency, transactions, success, online, recovery],
  note: {
    title: 'Measured elsewhere',
    description: 'KPIs that no metric of a running system can show.',
    content: kpiRows
      .filter(({ id }) => measuredElsewhere.includes(id))
      .map(({ title, target }) => `- **${title}** (target: ${target}): see the report of \`npm run bench\`.`)
      .join('\n'),
  },
};
