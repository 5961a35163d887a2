import type { Result } from '../result.ts';
import { chartsOf } from './charts.ts';
import { duration } from './format.ts';
import { html, type Html } from '../../runtime/pages/html.ts';
import { renderPage } from './render-page.ts';
import { consistency } from './sections/consistency.ts';
import { environment, validity } from './sections/environment.ts';
import { badges, headline } from './sections/headline.ts';
import { kpiTable } from './sections/kpi-table.ts';
import { overview } from './sections/overview.ts';
import { scenarioSection } from './sections/scenario.ts';

/** The report of a run, as one file. */
export function renderReport(result: Result): string {
  const charts = result.scenarios.flatMap((scenario) =>
    chartsOf(
      scenario.name,
      result.arms.filter((arm) => arm.scenario === scenario.name),
    ),
  );
  return renderPage({
    title: `Sagashift benchmark ${result.run.id}`,
    top: top(result),
    contents: [
      ['overview', 'Rates'],
      ['kpis', 'KPIs'],
      ...result.scenarios.map(({ name }) => [`scenario-${name}`, name] as const),
      ['consistency', 'Consistency'],
      ['validity', 'Trust'],
      ['environment', 'Environment'],
    ],
    main: [
      headline(result),
      overview(result),
      kpiTable(result),
      ...result.scenarios.map((scenario) => scenarioSection(scenario, result)),
      consistency(result),
      validity(result),
      environment(result),
    ],
    footer: html`Drawn from result.json (schema ${result.schemaVersion}); the driver's log and the histograms lie in
    raw/. How everything is counted: docs/benchmarking.md.`,
    charts,
  });
}

const top = (result: Result): Html =>
  html`<header class="top">
    <h1>Should this payment become a saga?</h1>
    <div class="meta">
      Sagashift benchmark, ${result.run.startedAt.replace('T', ' ').slice(0, 16)} UTC, ${duration(result.run.seconds)},
      commit ${result.run.commit ?? 'unknown'}${result.run.dirty === true && ' with changes'}
    </div>
    ${badges(result)}
  </header>`;
