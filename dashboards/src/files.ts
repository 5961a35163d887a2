import { stringify } from 'yaml';
import { type DashboardRow, dashboardOf } from './dashboard.ts';
import { migrationKpi } from './migration-kpi.ts';
import { alertRules, benchRules, recordingRules, type RuleFile } from './rules.ts';
import { sagasAndLocks } from './sagas-and-locks.ts';

export interface WrittenFile {
  /** From the top of the repository. */
  readonly path: string;
  readonly content: string;
}

export const dashboards: Readonly<Record<string, DashboardRow>> = {
  'migration-kpi': migrationKpi,
  'sagas-and-locks': sagasAndLocks,
};

const rules = (name: string, file: RuleFile): WrittenFile => ({
  path: `dashboards/prometheus/rules/${name}.yml`,
  content: `# Written by \`npm run dashboards\` from dashboards/src; change it there.\n${stringify(file, { lineWidth: 0 })}`,
});

/** What `npm run dashboards` writes. */
export const writtenFiles = (): readonly WrittenFile[] => [
  ...Object.entries(dashboards).map(([name, row]) => ({
    path: `dashboards/grafana/${name}.json`,
    content: `${JSON.stringify(dashboardOf(row), null, 2)}\n`,
  })),
  rules('recording', recordingRules),
  rules('alerts', alertRules),
  rules('bench/bench', benchRules),
];
