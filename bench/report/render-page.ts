import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportLook, uplot } from '../../runtime/pages/page-parts.ts';
import type { Chart } from './charts.ts';
import { html, type Html, jsonFor, raw } from '../../runtime/pages/html.ts';

export interface Page {
  readonly title: string;
  /** Title, when and what, badges. */
  readonly top: Html;
  /** Where the page goes on to: anchors and their words. */
  readonly contents: readonly (readonly [anchor: string, words: string])[];
  readonly main: readonly Html[];
  readonly footer: Html;
  readonly charts: readonly Chart[];
}

const own = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

/** One file: style, charting library and data inside, nothing fetched, so that it can be mailed and kept. */
export function renderPage({ title, top, contents, main, footer, charts }: Page): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${raw(uplot('uPlot.min.css'))}${raw(reportLook())}${raw(own('page.css'))}
        </style>
      </head>
      <body>
        ${top}
        <nav class="toc" aria-label="Contents">
          <div>${contents.map(([anchor, words]) => html`<a href="#${anchor}">${words}</a>`)}</div>
        </nav>
        <main>${main}</main>
        <footer>${footer}</footer>
        <script type="application/json" id="chart-data">
          ${jsonFor(charts)}
        </script>
        <script>
          ${script(uplot('uPlot.iife.min.js'))};
        </script>
        <script>
          ${script(own('page.js'))};
        </script>
      </body>
    </html>`;
  return page.text;
}

const script = (text: string): Html => raw(text.replaceAll('</script', '<\\/script'));
