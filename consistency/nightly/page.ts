import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { html, type Html, raw } from '../../runtime/pages/html.ts';
import { reportLook } from '../../runtime/pages/page-parts.ts';
import { invariantTable } from './page-table.ts';
import { nights } from './page-nights.ts';
import type { NightlyFinding, NightlyReport } from './report.ts';
import { courseSentence, day, minute, number, proven, seconds, sinceSentence, type Verdict } from './wording.ts';
import { verdictOf, verdictSentence } from './wording.ts';

const own = (): string => readFileSync(join(import.meta.dirname, 'page.css'), 'utf8');

/** The report as one file, nothing fetched and nothing run, so that it can be mailed, kept and opened anywhere. */
export function nightlyPage(report: NightlyReport): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${titles[verdictOf(report)]}: night of ${day(report.startedAt)}, Sagashift</title>
        <style>
          ${raw(reportLook())}${raw(own())}
        </style>
      </head>
      <body>
        ${top(report)}
        <main>${broken(report)} ${nights(report.history)} ${invariantTable(report)} ${facts(report)}</main>
        <footer>
          Drawn from report.json, which lies beside this page. How everything is judged: docs/consistency.md; how it is
          run: docs/nightly.md.
        </footer>
      </body>
    </html>`;
  return `${page.text}\n`;
}

const titles: Readonly<Record<Verdict, string>> = {
  'in order': 'In order',
  broken: 'NOT in order',
  'in doubt': 'In doubt',
  'nothing examined': 'Nothing examined',
};
const tones: Readonly<Record<Verdict, string>> = {
  'in order': 'good',
  broken: 'bad',
  'in doubt': 'warn',
  'nothing examined': 'warn',
};

const top = (report: NightlyReport): Html =>
  html`<header class="top">
    <h1 class="${tones[verdictOf(report)]}"><span class="mark" aria-hidden="true"></span>${verdictSentence(report)}</h1>
    <div class="meta">
      Sagashift ${report.version}, nightly verification of database ${report.database.name}, ${minute(report.startedAt)}
    </div>
    <ul class="figures">
      ${figure(number(report.score.examined), 'orders examined')}
      ${figure(number(report.violations), report.violations === 1 ? 'violation' : 'violations')}
      ${figure(report.score.examined > 0 ? proven(report.score.lowerBound95) : 'nothing', 'of orders proven, at least')}
      ${figure(seconds(report.durationMs), 'at work')}
    </ul>
  </header>`;

const figure = (value: string, label: string): Html =>
  html`<li class="card"><strong>${value}</strong><span>${label}</span></li>`;

const badly = (report: NightlyReport): readonly NightlyFinding[] =>
  report.perInvariant.filter(({ violations }) => violations > 0);

function broken(report: NightlyReport): Html | false {
  const findings = badly(report);
  if (findings.length === 0) return false;
  return html`<section id="broken">
    <h2>What is broken</h2>
    ${
      findings.some(({ severity }) => severity === 'money') &&
      html`<p class="lead">
        Money does not add up. Send everybody to the monolith first:
        <code>npm run canary -- rollback --reason '…'</code>
      </p>`
    }
    ${findings.map((finding) => brokenOne(finding, report))}
  </section>`;
}

const shownAtOnce = 8;

const brokenOne = (finding: NightlyFinding, { history, startedAt }: NightlyReport): Html => {
  const { code, sentence, severity, violations, examined, violators, since, remedy } = finding;
  const [first, rest] = [violators.slice(0, shownAtOnce), violators.slice(shownAtOnce)];
  return html`<article class="card finding" id="finding-${code}">
    <h3>${code} does not hold: “${sentence}”</h3>
    <div class="meta">
      <span class="badge bad">${severity}</span> ${number(violations)} of ${number(examined)} examined,
      ${sinceSentence(since ?? startedAt, history)}
    </div>
    <ul class="chips">
      ${first.map((id) => html`<li>${id}</li>`)}
    </ul>
    ${
      rest.length > 0 &&
      html`<details>
        <summary>${rest.length} more${violations > violators.length && `, of ${number(violations)} in all`}</summary>
        <ul class="chips">
          ${rest.map((id) => html`<li>${id}</li>`)}
        </ul>
      </details>`
    }
    <p><strong>What to do.</strong> ${marked(remedy)}</p>
  </article>`;
};

/** The little Markdown that the documentation's tables use: code, and links, of which only the words are kept. */
const marked = (text: string): Html =>
  html`${text
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .split('`')
    .map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`;

const facts = (report: NightlyReport): Html =>
  html`<section id="facts">
    <h2>How it was done</h2>
    <dl class="facts">
      <dt>Run</dt>
      <dd>${report.runId} on ${report.host}: ${courseSentence(report)}</dd>
      ${
        report.doubts.length > 0 &&
        html`<dt>Doubts</dt>
          <dd>${report.doubts.join('; ')}</dd>`
      }
      <dt>Database</dt>
      <dd>${report.database.name}, PostgreSQL ${report.database.server}</dd>
      <dt>Version</dt>
      <dd>Sagashift ${report.version}</dd>
      <dt>Orders by engine</dt>
      <dd>
        ${
          Object.entries(report.checked)
            .map(([engine, orders]) => `${engine} ${number(orders)}`)
            .join(', ') || 'none'
        }
      </dd>
      <dt>What a violation is</dt>
      <dd>
        Each part is judged in one snapshot of the database, reading only. A NULL counts as a violation. Without any in
        n orders at least 1 − 3/n are consistent, with 95 % confidence (Clopper and Pearson).
      </dd>
    </dl>
    <details>
      <summary>Snapshots</summary>
      <div class="scroll" tabindex="0">
        <table>
          <thead>
            <tr>
              <th class="left">part</th>
              <th class="left">snapshot</th>
              <th class="left">taken at</th>
              <th>at work</th>
            </tr>
          </thead>
          <tbody>
            ${report.parts.map(
              ({ name, snapshot, takenAt, durationMs }) =>
                html`<tr>
                  <td class="left">${name}</td>
                  <td class="left"><code>${snapshot.length > 40 ? `${snapshot.slice(0, 40)}…` : snapshot}</code></td>
                  <td class="left">${takenAt.replace('T', ' ').replace('Z', '')}</td>
                  <td>${seconds(durationMs)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  </section>`;
