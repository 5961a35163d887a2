import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { look, uplot } from '../../runtime/pages/page-parts.ts';
import type { Result } from '../result.ts';
import { chartsOf } from './charts.ts';
import { duration } from './format.ts';
import { html, type Html, jsonFor, raw } from './html.ts';
import { consistency } from './sections/consistency.ts';
import { environment, validity } from './sections/environment.ts';
import { badges, headline } from './sections/headline.ts';
import { kpiTable } from './sections/kpi-table.ts';
import { overview } from './sections/overview.ts';
import { scenarioSection } from './sections/scenario.ts';

const own = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

/** The report as one file: style, charting library and data inside, nothing fetched, so that it can be mailed and kept. */
export function renderReport(result: Result): string {
  const charts = result.scenarios.flatMap((scenario) =>
    chartsOf(
      scenario.name,
      result.arms.filter((arm) => arm.scenario === scenario.name),
    ),
  );
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Sagashift benchmark ${result.run.id}</title>
        <style>
          ${raw(uplot('uPlot.min.css'))}${raw(look())}${raw(own('page.css'))}
        </style>
      </head>
      <body>
        ${top(result)} ${contents(result)}
        <main>
          ${headline(result)} ${overview(result)} ${kpiTable(result)}
          ${result.scenarios.map((scenario) => scenarioSection(scenario, result))} ${consistency(result)}
          ${validity(result)} ${environment(result)}
        </main>
        <footer>
          Drawn from result.json (schema ${result.schemaVersion}); the driver's log and the histograms lie in raw/. How
          everything is counted: docs/benchmarking.md.
        </footer>
        <script type="application/json" id="chart-data">
          ${jsonFor(charts)}
        </script>
        <script>
          ${script(uplot('uPlot.iife.min.js'))};
        </script>
        <script>
          ${script(own('page.js'))};
        </script>
      </body>
    </html>`;
  return page.text;
}

const script = (text: string): Html => raw(text.replaceAll('</script', '<\\/script'));

const top = (result: Result): Html =>
  html`<header class="top">
    <h1>Should this payment become a saga?</h1>
    <div class="meta">
      Sagashift benchmark, ${result.run.startedAt.replace('T', ' ').slice(0, 16)} UTC, ${duration(result.run.seconds)},
      commit ${result.run.commit ?? 'unknown'}${result.run.dirty === true && ' with changes'}
    </div>
    ${badges(result)}
  </header>`;

const contents = ({ scenarios }: Result): Html =>
  html`<nav class="toc" aria-label="Contents">
    <div>
      <a href="#overview">Rates</a
      ><a href="#kpis">KPIs</a>${scenarios.map(({ name }) => html`<a href="#scenario-${name}">${name}</a>`)}<a
        href="#consistency"
        >Consistency</a
      ><a href="#validity">Trust</a><a href="#environment">Environment</a>
    </div>
  </nav>`;
