import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { kpiRows } from '../../bench/kpi.ts';

export interface Query {
  readonly expr: string;
  /** Name of a series; `{{label}}` is replaced. */
  readonly legend: string;
}

/** A panel as data. Its look follows from these. */
export interface PanelRow {
  readonly title: string;
  readonly description: string;
  /** `number`: the last value, large. Default: a graph over time. */
  readonly as?: 'number';
  /** Of Grafana's units, base units only. */
  readonly unit: 's' | 'percentunit' | 'reqps' | 'ops' | 'short' | 'none';
  readonly queries: readonly Query[];
  /** A KPI of the migration by its id: its target is added to the description. */
  readonly kpi?: string;
  /** Where good begins (`atLeast`) or ends (`atMost`): colours a number, is a line in a graph. */
  readonly good?: { readonly atLeast: number } | { readonly atMost: number };
  readonly max?: number;
  readonly decimals?: number;
  /** Of the 24 columns of a row; default 12 for a graph, 6 for a number. */
  readonly width?: number;
}

export const datasource = { type: 'prometheus', uid: '${datasource}' };

export const targetOf = (id: string): string => {
  const row = kpiRows.find((kpi) => kpi.id === id);
  if (row === undefined) throw new RangeError(`there is no KPI ${id}`);
  return row.target;
};

/** On an axis from 0 nobody sees whether it is 99.9 % or 99.5 %. */
const nearlyAll = 0.99;
const letters = 'ABCDEFGH';
const [red, green] = ['red', 'green'];

export const describe = ({ description, kpi }: PanelRow): string =>
  kpi === undefined ? description : `${description} Target: ${targetOf(kpi)}.`;

export function panelOf(row: PanelRow): timeseries.PanelBuilder | stat.PanelBuilder {
  const panel = row.as === 'number' ? numberOf(row) : graphOf(row);
  panel.title(row.title).description(describe(row)).datasource(datasource).unit(row.unit).thresholds(thresholdsOf(row));
  row.queries.forEach(({ expr, legend }, i) => {
    panel.withTarget(
      new prometheus.DataqueryBuilder()
        .refId(letters[i] as string)
        .datasource(datasource)
        .expr(expr)
        .legendFormat(legend)
        .range(),
    );
  });
  if (row.max !== undefined) panel.max(row.max);
  if (row.decimals !== undefined) panel.decimals(row.decimals);
  return panel;
}

/** The same colour for a side wherever a series is one. Numbers are coloured by their target instead. */
const sideColours = [
  ['/^(legacy|monolith)$/', 'orange'],
  ['/^(saga|sagas)$/', 'blue'],
] as const;

const numberOf = ({ width = 6, good }: PanelRow): stat.PanelBuilder =>
  new stat.PanelBuilder()
    .height(4)
    .span(width)
    .colorMode(good === undefined ? common.BigValueColorMode.None : common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .textMode(common.BigValueTextMode.ValueAndName)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));

function graphOf({ width = 12, good }: PanelRow): timeseries.PanelBuilder {
  const panel = new timeseries.PanelBuilder()
    .height(8)
    .span(width)
    .lineWidth(2)
    .fillOpacity(5)
    .showPoints(common.VisibilityMode.Auto)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
  for (const [side, colour] of sideColours)
    panel.overrideByRegexp(side, [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }]);
  if (good !== undefined && 'atLeast' in good) panel.axisSoftMin(nearlyAll);
  else panel.min(0);
  if (good !== undefined)
    panel.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed));
  return panel;
}

function thresholdsOf({ good }: PanelRow): dashboard.ThresholdsConfigBuilder {
  const steps =
    good === undefined
      ? [{ value: null, color: green }]
      : 'atLeast' in good
        ? [
            { value: null, color: red },
            { value: good.atLeast, color: green },
          ]
        : [
            { value: null, color: green },
            { value: good.atMost, color: red },
          ];
  return new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps(steps);
}
