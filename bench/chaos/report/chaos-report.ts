import { count, duration, percent } from '../../report/format.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import { renderPage } from '../../report/render-page.ts';
import { factCard, machineFacts } from '../../report/sections/environment.ts';
import type { ChaosResult } from '../chaos-result.ts';
import { chaosHeadline } from './chaos-headline.ts';
import { answersAndInvariants } from './consistency-section.ts';
import { chartsOfFaults, faultSections } from './fault-charts.ts';
import { faultTable } from './fault-table.ts';
import { goalSection } from './goal-section.ts';

/** The report of `bench -- chaos`, as one file. */
export const renderChaosReport = (result: ChaosResult): string =>
  renderPage({
    title: `Sagashift chaos ${result.run.id}`,
    top: top(result),
    contents: [
      ...(result.planned > 0
        ? ([
            ['faults', 'Faults'],
            ['recovery', 'Recovery'],
          ] as const)
        : []),
      ['goals', 'Goals'],
      ['consistency', 'Consistency'],
      ['trust', 'Trust'],
      ['environment', 'Environment'],
    ],
    main: [
      chaosHeadline(result),
      ...(result.planned > 0 ? [faultTable(result), faultSections(result)] : []),
      goalSection(result),
      answersAndInvariants(result),
      trust(result),
      environment(result),
    ],
    footer: html`Drawn from chaos.json (schema ${result.schemaVersion}). What each fault is and how its recovery is
    timed: docs/chaos.md.`,
    charts: chartsOfFaults(result),
  });

const top = (result: ChaosResult): Html =>
  html`<header class="top">
    <h1>Is a payment lost when something breaks?</h1>
    <div class="meta">
      Sagashift chaos run, ${result.run.startedAt.replace('T', ' ').slice(0, 16)} UTC, ${duration(result.run.seconds)},
      commit ${result.run.commit ?? 'unknown'}${result.run.dirty === true && ' with changes'}
    </div>
    ${badges(result)}
  </header>`;

function badges({ run, results, notRun, score, planned, environment: env }: ChaosResult): Html {
  const survived = results.filter(({ failures }) => failures.length === 0).length;
  const violations = results.reduce((sum, one) => sum + one.violations.reduce((of, { violations: n }) => of + n, 0), 0);
  return html`<ul class="badges">
    <li class="badge ${run.state === 'complete' ? 'good' : 'bad'}">${run.state}</li>
    ${
      planned > 0 &&
      html`<li class="badge ${survived === results.length && survived > 0 ? 'good' : 'bad'}">
        ${survived} of ${results.length} faults survived
      </li>`
    }
    <li class="badge ${violations === 0 ? 'good' : 'bad'}">
      ${count(violations)} violations in ${count(score.examined)} orders, proven ≥ ${percent(score.lowerBound95 * 100)}
    </li>
    ${notRun.length > 0 && html`<li class="badge warn">${notRun.length} NOT RUN</li>`}
    ${run.sabotage !== null && html`<li class="badge bad">sabotaged on purpose: ${run.sabotage}</li>`}
    ${env?.busy === true && html`<li class="badge warn">machine was busy before the run</li>`}
    <li class="badge">${run.ratePerSecond} payments/s</li>
  </ul>`;
}

const trust = ({ notRun, troubles, run, results, planned }: ChaosResult): Html =>
  html`<section id="trust">
    <h2>How far to trust it</h2>
    <ul class="notes">
      <li>
        Load, servers and what is tested share one machine: how long a process takes to start, a second or more, is in
        these times. A goal that is missed fails nothing; a saga that does not end does.
      </li>
      <li>
        The seed repeats data, order and moments. Which sagas are open at a moment is the scheduler's doing: a run is a
        sample. Interleavings are played one by one in test/model.
      </li>
      <li>One fault at a time: the next one comes when the last has been recovered from.</li>
      ${troubles.map((trouble) => html`<li>${trouble}</li>`)}
    </ul>
    <h3>NOT RUN</h3>
    <ul class="notes">
      ${notRun.map(({ fault, style, why }) => html`<li>${fault}, ${style}: <span class="muted">${why}</span></li>`)}
      ${
        planned > results.length + notRun.length &&
        html`<li>
          ${planned - results.length - notRun.length} more faults of the plan:
          <span class="muted">the run ended before they came</span>
        </li>`
      }
      ${
        run.quick &&
        html`<li>
          Faults that are not of a quick run: <span class="muted">npm run bench -- chaos has them all</span>
        </li>`
      }
      ${never.map(([what, why]) => html`<li>${what}: <span class="muted">${why}</span></li>`)}
    </ul>
  </section>`;

const never = [
  ['A jump of Postgres’ own clock', 'it is the machine’s, and cannot be moved for one server'],
  [
    'Packets lost or delayed, a partition, a full disk, a fail-over to a replica',
    'needs more than one machine’s user may do',
  ],
  ['legacy and legacy-lean', 'one transaction each: nothing to recover'],
] as const;

function environment({ environment: env, run, servers }: ChaosResult): Html {
  const known =
    env === null
      ? ([
          ['Servers', `Postgres: ${servers.postgres || 'not started'}, Redis: ${servers.redis || 'not started'}`],
        ] as const)
      : machineFacts(env);
  return html`<section id="environment">
    <h2>Environment</h2>
    ${factCard([
      ...known,
      ...(env === null ? [] : [['Styles', html`${env.topology.map((line) => html`${line}<br />`)}`] as const]),
      ['Load', `open loop, ${run.ratePerSecond} payments a second, whether earlier ones have been answered or not`],
      ['Command', html`<code>${run.command}</code>`],
      ['Sources', `${run.commit ?? 'no commit'}${run.dirty === true ? ', with changes' : ''}`],
      ['Seed', `${run.seed}, of data, order of the faults and their moments`],
      ['Took', duration(run.seconds)],
    ])}
  </section>`;
}
