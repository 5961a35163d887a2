import { metricNames as m } from '../../runtime/metrics.ts';
import { type Alert, alerts, benchAlerts } from './alerts.ts';
import { quantile } from './promql.ts';
import { bench, errorRatioName, monthly, slos, windowsOf } from './slos.ts';

/** The part of Prometheus' format of rule files that we write. */
export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly (RecordingRule | AlertRule)[] }[];
}
interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}
interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook', string>>;
}

const errorRatios = (windows: readonly string[]): RecordingRule[] =>
  slos.flatMap(({ id, errorRatio }) =>
    windows.map((window) => ({ record: errorRatioName(window), expr: errorRatio(window), labels: { slo: id } })),
  );

/** level:metric:operation, what dashboards of others would ask for again and again. */
const bySide: readonly RecordingRule[] = [
  { record: 'side:payment_requests:rate1m', expr: `sum by (side) (rate(${m.requests}[1m]))` },
  ...[0.5, 0.95, 0.99].map((share) => ({
    record: `side:payment_duration_seconds:p${share * 100}_5m`,
    expr: quantile(share, m.duration, 'side', '5m'),
  })),
];

const rule = ({ name, expr, for: duration, severity, summary, description }: Alert): AlertRule => ({
  alert: name,
  expr,
  for: duration,
  labels: { severity },
  annotations: { summary, description, runbook: `docs/observability.md#${name.toLowerCase()}` },
});

export const recordingRules: RuleFile = {
  groups: [
    { name: 'slo', rules: errorRatios(windowsOf([...monthly.page, ...monthly.ticket])) },
    { name: 'side', rules: bySide },
  ],
};
export const alertRules: RuleFile = { groups: [{ name: 'alerts', rules: alerts.map(rule) }] };
export const benchRules: RuleFile = {
  groups: [
    { name: 'slo-bench', rules: errorRatios(windowsOf(bench)) },
    { name: 'alerts-bench', rules: benchAlerts.map(rule) },
  ],
};
