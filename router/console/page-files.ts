import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestHandler } from 'express';
import { look, uplot } from '../../runtime/pages/page-parts.ts';
import { RequestProblem } from '../problems.ts';

/** Nothing is fetched from elsewhere, nothing inline is run, nobody frames it. uPlot sets styles by script, which this allows. */
export const protection = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

interface Page {
  readonly html: Buffer;
  /** By name with its hash, as the page asks for it. */
  readonly assets: ReadonlyMap<string, Asset>;
}

const types = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml; charset=utf-8',
} as const;

const own = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

const sources = [
  { name: 'uplot', kind: 'css', read: () => uplot('uPlot.min.css') },
  { name: 'uplot', kind: 'js', read: () => uplot('uPlot.iife.min.js') },
  { name: 'page', kind: 'css', read: () => look() + own('page.css') },
  { name: 'page', kind: 'js', read: () => own('page.js') },
  { name: 'charts', kind: 'js', read: () => own('charts.js') },
  { name: 'figures', kind: 'js', read: () => own('figures.js') },
  { name: 'payments', kind: 'js', read: () => own('payments.js') },
  { name: 'system', kind: 'js', read: () => own('system.js') },
  { name: 'icon', kind: 'svg', read: () => own('icon.svg') },
] as const;

let loaded: Page | undefined;

/** Read when somebody asks for the first time: a router that nobody watches opens none of the files. */
const page = (): Page => (loaded ??= load());

function load(): Page {
  const assets = new Map<string, Asset>();
  let html = own('page.html');
  for (const { name, kind, read } of sources) {
    const body = Buffer.from(read());
    const hashed = `${name}.${createHash('sha256').update(body).digest('hex').slice(0, 16)}.${kind}`;
    assets.set(hashed, { type: types[kind], body });
    html = html.replaceAll(`/console/assets/${name}.${kind}`, `/console/assets/${hashed}`);
  }
  return { html: Buffer.from(html), assets };
}

/** GET /console */
export const showPage: RequestHandler = (_req, res) => {
  const { html } = page();
  res.writeHead(200, {
    ...protection,
    'content-type': 'text/html; charset=utf-8',
    'content-length': html.length,
    'cache-control': 'no-cache',
  });
  res.end(html);
};

/** GET /console/assets/:name. A name holds the hash of what it stands for, so it may be kept for ever. */
export const showAsset: RequestHandler<{ name: string }> = (req, res) => {
  const asset = page().assets.get(req.params.name);
  if (asset === undefined) throw new RequestProblem('NOT_FOUND', 'the status page has no such file');
  res.writeHead(200, {
    ...protection,
    'content-type': asset.type,
    'content-length': asset.body.length,
    'cache-control': 'public, max-age=31536000, immutable',
  });
  res.end(asset.body);
};
