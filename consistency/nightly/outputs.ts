import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nightlyPage } from './page.ts';
import type { NightlyReport } from './report.ts';
import { writeWhole } from './write-file.ts';

const names = { json: 'report.json', html: 'report.html' } as const;

/** Its date and its number: a second run on a day takes nobody's place. */
const folderOf = ({ startedAt, runId }: NightlyReport): string => `${startedAt.slice(0, 10)}-run-${runId}`;

/** Writes the report as JSON and as a page into a folder of its own below `out`. Resolves with the page's path; throws NotWritten. */
export async function writeOutputs(out: string, report: NightlyReport): Promise<string> {
  const folder = join(out, folderOf(report));
  await writeWhole(join(folder, names.json), `${JSON.stringify(report, null, 2)}\n`);
  const page = join(folder, names.html);
  await writeWhole(page, nightlyPage(report));
  return page;
}

const prunedPerNight = 100;
const dayMs = 86_400_000;

/** Removes our own files of nights that are older, and their folders if nothing else lies in them. */
export async function pruneOutputs(out: string, { startedAt }: NightlyReport, days: number): Promise<void> {
  const oldest = new Date(Date.parse(startedAt) - days * dayMs).toISOString().slice(0, 10);
  const ours = (await readdir(out)).filter((name) => /^\d{4}-\d{2}-\d{2}-run-\d+$/.test(name));
  const old = ours.filter((name) => name.slice(0, 10) < oldest).sort();
  for (const name of old.slice(0, prunedPerNight)) {
    for (const file of Object.values(names)) await rm(join(out, name, file), { force: true });
    await rmdir(join(out, name)).catch(() => undefined); // Something of somebody else lies there.
  }
}
