import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { kpiRows } from '../bench/kpi.ts';
import { repository } from '../runtime/repository.ts';
import { dashboardOf } from './src/dashboard.ts';
import { dashboards, writtenFiles } from './src/files.ts';
import { migrationKpi } from './src/migration-kpi.ts';
import { panelOf, targetOf } from './src/panel.ts';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

describe('what is committed', () => {
  test.each(writtenFiles())('$path is what `npm run dashboards` writes', ({ path, content }) => {
    expect(read(path)).toBe(content);
  });

  test('is provisioned: Grafana finds the folder and the data source, Prometheus the rules', () => {
    const provider = parse(read('dashboards/grafana/provisioning/dashboards/sagashift.yml')) as {
      providers: { options: { path: string } }[];
    };
    const compose = read('docker-compose.yml');
    expect(compose).toContain(`./dashboards/grafana:${provider.providers[0]?.options.path}:ro`);
    expect(compose).toContain('./dashboards/prometheus:/etc/prometheus:ro');
    const sources = parse(read('dashboards/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { type: string; jsonData: { timeInterval: string } }[];
    };
    const prometheus = parse(read('dashboards/prometheus/prometheus.yml')) as {
      global: { scrape_interval: string };
      rule_files: string[];
    };
    expect(sources.datasources).toMatchObject([
      { type: 'prometheus', jsonData: { timeInterval: prometheus.global.scrape_interval } },
    ]);
    expect(prometheus.rule_files).toEqual(['rules/*.yml']);
  });
});

describe.each(Object.entries(dashboards))('the dashboard %s', (_, row) => {
  const board = dashboardOf(row);
  const panels = row.sections.flatMap((section) => section.panels);

  test('has its data source from a variable, in every panel and query', () => {
    expect(board.templating?.list).toMatchObject([{ type: 'datasource', query: 'prometheus', name: 'datasource' }]);
    for (const panel of panels.map((one) => panelOf(one).build())) {
      expect(panel.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      for (const target of panel.targets ?? [])
        expect(target).toMatchObject({ datasource: { uid: '${datasource}' }, refId: expect.stringMatching(/^[A-H]$/) });
    }
  });

  test('names, explains and measures every panel, each at a place and with a number of its own', () => {
    const built = (board.panels ?? []) as { id?: number; type: string; title?: string; gridPos?: object }[];
    expect(new Set(built.map(({ id }) => id)).size).toBe(built.length);
    expect(new Set(built.map(({ gridPos }) => JSON.stringify(gridPos))).size).toBe(built.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const { title, description, unit, queries } of panels) {
      expect(title).toMatch(/^[A-Z]/);
      expect(description).toMatch(/^[\w`].*\.$/);
      expect(unit).not.toBe('');
      expect(queries.length).toBeGreaterThan(0);
      for (const { legend } of queries) expect(legend).not.toBe('');
    }
  });

  test('never cuts a window too short for two scrapes, and never draws a bare counter', () => {
    for (const { expr } of panels.flatMap(({ queries }) => queries)) {
      for (const [, range] of expr.matchAll(/\brate\([^[]*\[([^\]]+)\]/g))
        expect(`${expr}: ${range}`).toMatch(/(\$__rate_interval|1m)$/);
      for (const [, range] of expr.matchAll(/\bincrease\([^[]*\[([^\]]+)\]/g))
        expect(`${expr}: ${range}`).toMatch(/(\$__range|2d)$/);
      const bare = expr.replace(/\b(rate|increase)\([^)[]*\[[^\]]+\]\)/g, '');
      expect(bare).not.toMatch(/_total\b|_bucket\b|_sum\b|_count\b/);
    }
  });
});

describe('the dashboard of the migration', () => {
  const panels = migrationKpi.sections.flatMap((section) => section.panels);

  test('shows every KPI that a running system can show, with its target, and names the others', () => {
    for (const { id, title, target } of kpiRows) {
      const shown = panels.filter(({ kpi }) => kpi === id);
      if (shown.length === 0) expect(migrationKpi.note?.content).toContain(`**${title}** (target: ${target})`);
      for (const panel of shown) expect(panelOf(panel).build().description).toContain(`Target: ${target}.`);
    }
    expect(panels.filter(({ kpi }) => kpi !== undefined).length).toBeGreaterThanOrEqual(8);
  });

  test('knows no KPI but those', () => {
    expect(() => targetOf('beauty')).toThrow('no KPI beauty');
  });
});
