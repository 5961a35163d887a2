import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// What pages that people are shown are made of, apart from their own files.

/** Colours and plain elements; a page's own rules go behind it. */
export const look = (): string => readFileSync(join(import.meta.dirname, 'look.css'), 'utf8');

/** A file of the charting library. */
export const uplot = (name: 'uPlot.min.css' | 'uPlot.iife.min.js'): string =>
  readFileSync(join(dirname(createRequire(import.meta.url).resolve('uplot')), name), 'utf8');
