import { metricNames as m } from '../../runtime/metrics.ts';

/** What a panel looks at: Grafana makes it at least four scrapes long. */
export const lately = '$__rate_interval';
/** What the person has chosen to look at. */
export const inRange = '$__range';

export const perSecond = (series: string, by: string): string => `sum by (${by}) (rate(${series}[${lately}]))`;
export const inAll = (series: string, by: string): string => `sum by (${by}) (increase(${series}[${inRange}]))`;

/** `series` is a histogram with its matchers, such as `x_seconds{side="saga"}`. */
export function quantile(share: number, series: string, by = '', window = lately): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${suffixed(series, '_bucket')}[${window}])))`;
}

export const mean = (series: string, by: string, window = lately): string =>
  `sum by (${by}) (rate(${suffixed(series, '_sum')}[${window}])) / (sum by (${by}) (rate(${suffixed(series, '_count')}[${window}])) > 0)`;

/** Mean of a histogram over the chosen time, as one number. */
export const meanInAll = (series: string): string =>
  `sum(increase(${suffixed(series, '_sum')}[${inRange}])) / (sum(increase(${suffixed(series, '_count')}[${inRange}])) > 0)`;

/** How many times smaller the sagas' mean is than the monolith's. */
export const timesSmaller = (name: string, figure: string): string =>
  `(${meanInAll(`${name}{engine=~"${legacyEngines}", figure="${figure}"}`)}) / (${meanInAll(`${name}{engine=~"${sagaEngines}", figure="${figure}"}`)})`;

export const legacyEngines = 'legacy|legacy-lean';
export const sagaEngines = 'orchestration|choreography';

/** A series that begins only with its first bad event: until then 0, under a name of its own. */
export const orNone = (expr: string, label: string): string =>
  `${expr} or on () label_replace(vector(0), "${label}", "none", "", "")`;

/** Each router shows the same rows of the database: the largest is the freshest, a sum would count them once per router. */
export const mismatchesIn = (window: string): string =>
  `max(sum without (severity) (increase(${m.consistencyMismatches}[${window}])))`;
export const checkedIn = (window: string): string => `max(increase(${m.consistencyChecked}[${window}]))`;

function suffixed(series: string, suffix: string): string {
  const brace = series.indexOf('{');
  return brace < 0 ? series + suffix : series.slice(0, brace) + suffix + series.slice(brace);
}

/** A verification runs nightly: half an hour would mostly show none. */
export const sinceYesterday = '2d';
