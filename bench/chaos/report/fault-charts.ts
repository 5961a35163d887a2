import type { Chart } from '../../report/charts.ts';
import { colourOf } from '../../report/colours.ts';
import { html, type Html } from '../../../runtime/pages/html.ts';
import type { ChaosResult, FaultResult } from '../chaos-result.ts';
import type { Timeline } from '../timeline.ts';

interface Drawn extends FaultResult {
  readonly timeline: Timeline;
}

/** What is drawn of each fault, both styles in one chart with the fault at 0; what was shaded is the recovery. */
const kinds = [
  {
    key: 'rate',
    title: 'Payments that end',
    note: 'per second; shaded until the rate was back',
    values: ({ finalPerSecond }: Timeline) => finalPerSecond,
    until: ({ restoredSeconds }: FaultResult) => restoredSeconds,
    stepped: true,
  },
  {
    key: 'open',
    title: 'Open sagas',
    note: 'shaded until those of before were final',
    values: ({ open }: Timeline) => open,
    until: ({ zeroOpenSeconds }: FaultResult) => zeroOpenSeconds,
    stepped: false,
  },
] as const;

function drawnByFault({ results }: ChaosResult): Map<string, [Drawn, ...Drawn[]]> {
  const groups = new Map<string, [Drawn, ...Drawn[]]>();
  for (const one of results) {
    if (one.timeline === null) continue;
    const drawn = { ...one, timeline: one.timeline };
    const group = groups.get(one.fault);
    if (group === undefined) groups.set(one.fault, [drawn]);
    else group.push(drawn);
  }
  return groups;
}

export const chartsOfFaults = (result: ChaosResult): Chart[] =>
  [...drawnByFault(result).values()].flatMap((drawn) => kinds.map((kind) => chartOf(kind, drawn)));

function chartOf(kind: (typeof kinds)[number], drawn: readonly [Drawn, ...Drawn[]]): Chart {
  const x = [...new Set(drawn.flatMap(({ timeline }) => momentsOf(timeline)))].sort((a, b) => a - b);
  const last = x.at(-1) ?? 0;
  return {
    id: `${kind.key}-${drawn[0].fault}`,
    kind: 'time',
    label: kind.title,
    stepped: kind.stepped,
    series: drawn.map(({ style }) => ({ label: style, colour: colourOf(style) })),
    data: [x, ...drawn.map(({ timeline }) => columnOf(x, timeline, kind.values(timeline)))],
    bands: drawn.map((one) => ({ from: 0, to: kind.until(one) ?? last, colour: colourOf(one.style) })),
  };
}

const momentsOf = ({ fromSeconds, stepSeconds, open }: Timeline): number[] =>
  open.map((_, step) => fromSeconds + step * stepSeconds);

/** Where another style's load began earlier or ended later there is nothing to draw. */
function columnOf(x: readonly number[], timeline: Timeline, values: readonly number[]): (number | null)[] {
  const at = new Map(momentsOf(timeline).map((moment, step) => [moment, values[step] ?? null]));
  return x.map((moment) => at.get(moment) ?? null);
}

export const faultSections = (result: ChaosResult): Html =>
  html`<section id="recovery">
    <h2>Recovery</h2>
    <p class="muted">
      Time in seconds, the red line is the fault. Clients do not wait for each other: payments go on to come at their
      rate, and what could not be done meanwhile is done afterwards, above it.
    </p>
    ${[...drawnByFault(result).values()].map(
      ([first, ...rest]) =>
        html`<h3 id="fault-${first.fault}">${first.fault}</h3>
          <p>${first.title}. <span class="muted">${first.proves}</span></p>
          <div class="grid">
            ${kinds.map(
              ({ key, title, note }) =>
                html`<figure class="card">
                  <figcaption>${title} <span>${note}</span></figcaption>
                  <div
                    class="chart"
                    id="${key}-${first.fault}"
                    role="img"
                    aria-label="${title} around ${first.fault}, ${[first, ...rest].map(({ style }) => style).join(' and ')}"
                  ></div>
                </figure>`,
            )}
          </div>`,
    )}
  </section>`;
