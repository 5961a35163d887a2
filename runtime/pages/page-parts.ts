import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// What pages that people are shown are made of, apart from their own files.

const own = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

/** Colours and plain elements; a page's own rules go behind it. */
export const look = (): string => own('look.css');

/** The same for a report that is written to a file, with what all of these have: headings, tables, facts, a footer. */
export const reportLook = (): string => look() + own('report.css');

/** A file of the charting library. */
export const uplot = (name: 'uPlot.min.css' | 'uPlot.iife.min.js'): string =>
  readFileSync(join(dirname(createRequire(import.meta.url).resolve('uplot')), name), 'utf8');
