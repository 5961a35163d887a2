import type { Tx } from '../../domain/ports.ts';
import { createMetrics, metricNames } from '../../runtime/metrics.ts';
import { type NightlyFigures, nightlyFiguresSql, showNightly } from '../../runtime/nightly-figures.ts';
import { writeWhole } from './write-file.ts';

const ours = [
  metricNames.nightlyLastRun,
  metricNames.nightlyExpectedInterval,
  metricNames.nightlySuccess,
  metricNames.nightlyDuration,
  metricNames.nightlyExamined,
  metricNames.nightlyViolations,
  metricNames.nightlyProven,
];

export async function readNightlyFigures(tx: Tx): Promise<NightlyFigures | null> {
  const [row] = await tx.query<{ figures: NightlyFigures | null }>(`select ${nightlyFiguresSql} as figures`);
  return row?.figures ?? null;
}

/** For the textfile collector of node_exporter, which reads files that end in `.prom`. Throws NotWritten. */
export async function writeTextfile(
  file: string,
  figures: NightlyFigures | null,
  expectedHours: number,
): Promise<void> {
  const metrics = createMetrics();
  showNightly(metrics, figures, expectedHours);
  const texts = await Promise.all(ours.map((name) => metrics.registry.getSingleMetricAsString(name)));
  await writeWhole(file, `${texts.join('\n')}\n`);
}
