import { html, type Html } from '../../runtime/pages/html.ts';
import type { PastNight } from './report.ts';
import { day, minute, number, seconds } from './wording.ts';

type Kind = 'broken' | 'abandoned' | 'empty' | 'doubtful' | 'clean';

const words: Readonly<Record<Kind, string>> = {
  clean: 'in order',
  broken: 'broken',
  abandoned: 'not finished',
  empty: 'nothing examined',
  doubtful: 'in doubt',
};

function kindOf({ status, violations, checked, doubts }: PastNight): Kind {
  if (status === 'ABANDONED') return 'abandoned';
  if ((violations ?? 0) > 0) return 'broken';
  if ((checked ?? 0) === 0) return 'empty';
  return doubts > 0 ? 'doubtful' : 'clean';
}

/** One bar a night, as high as it took long. */
export function nights(history: readonly PastNight[]): Html {
  const longest = Math.max(1, ...history.map(({ durationMs }) => durationMs ?? 0));
  const kinds = [...new Set(history.map(kindOf))];
  return html`<section id="nights">
    <h2>${history.length === 1 ? 'The first night' : `The last ${history.length} nights`}</h2>
    <p class="muted">A bar is a night, as high as the run was long.</p>
    <ol class="nights">
      ${history.map((night) => bar(night, longest))}
    </ol>
    <div class="axis" style="--nights: ${history.length}">
      <span>${day(history[0]?.startedAt ?? '')}</span>
      ${history.length > 1 && html`<span>${day(history.at(-1)?.startedAt ?? '')}</span>`}
    </div>
    <ul class="legend">
      ${kinds.map((kind) => html`<li><span class="dot ${tones[kind]}"></span>${words[kind]}</li>`)}
    </ul>
    <details>
      <summary>As a table</summary>
      ${table(history)}
    </details>
  </section>`;
}

const tones: Readonly<Record<Kind, string>> = {
  clean: 'is-clean',
  broken: 'is-broken',
  abandoned: 'is-abandoned',
  empty: 'is-empty',
  doubtful: 'is-empty',
};

function bar(night: PastNight, longest: number): Html {
  const said = `${day(night.startedAt)}: ${words[kindOf(night)]}, ${number(night.checked ?? 0)} orders, ${seconds(night.durationMs ?? 0)}`;
  const height = Math.round((100 * (night.durationMs ?? 0)) / longest);
  return html`<li
    class="${tones[kindOf(night)]}"
    style="height: ${height}%"
    title="${said}"
    aria-label="${said}"
  ></li>`;
}

const table = (history: readonly PastNight[]): Html =>
  html`<div class="scroll" tabindex="0">
    <table>
      <thead>
        <tr>
          <th class="left">night</th>
          <th class="left">run</th>
          <th class="left">verdict</th>
          <th>orders</th>
          <th>violations</th>
          <th>at work</th>
        </tr>
      </thead>
      <tbody>
        ${[...history].reverse().map(
          (night) =>
            html`<tr>
              <td class="left">${minute(night.startedAt)}</td>
              <td class="left">${night.runId}</td>
              <td class="left">${words[kindOf(night)]}</td>
              <td>${night.checked === null ? '–' : number(night.checked)}</td>
              <td>${night.violations === null ? '–' : number(night.violations)}</td>
              <td>${night.durationMs === null ? '–' : seconds(night.durationMs)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
