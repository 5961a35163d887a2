import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { metricNames } from './metrics.ts';
import { repository } from './repository.ts';

interface Document {
  readonly path: string;
  readonly text: string;
}

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const documents: readonly Document[] = [
  'README.md',
  'docs/example-engine/README.md',
  ...readdirSync(join(repository, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((path) => ({ path, text: read(path) }));

/** Those of all documents that are wrong, each with its document; fails where nothing was found at all. */
function wrong(find: (document: Document) => string[], isRight: (name: string, from: Document) => boolean): string[] {
  const named = documents.flatMap((from) => find(from).map((name) => ({ name, from })));
  expect(named.length).toBeGreaterThan(10);
  return named.filter(({ name, from }) => !isRight(name, from)).map(({ name, from }) => `${from.path}: ${name}`);
}
const every = (pattern: RegExp, text: string): string[] =>
  [...text.matchAll(pattern)].map(([, name]) => name as string);
const withoutFences = (text: string): string => text.replace(/^ *```[^]*?^ *```/gm, '');
/** What stands as code: in a line, or in a block. */
const code = (text: string): string =>
  [...every(/^ *```\w*\n([^]*?)^ *```/gm, text), ...every(/`([^`\n]+)`/g, withoutFences(text))].join('\n');

describe('what the documents name exists:', () => {
  test('files and folders', () => {
    const folders = readdirSync(repository, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^\w/.test(entry.name) && !made.includes(entry.name))
      .map(({ name }) => name);
    const path = new RegExp(`(?<![\\w./<:-])((?:${folders.join('|')})/[\\w./-]*)`, 'g');
    expect(wrong(({ text }) => every(path, code(text)), isThere)).toEqual([]);
  });

  test('what links lead to, headings included', () => {
    const links = (text: string) => every(/\]\(([^)\s]+)\)/g, withoutFences(text));
    const internal = ({ text }: Document) => links(text).filter((link) => !/^https?:/.test(link));
    expect(wrong(internal, leadsSomewhere)).toEqual([]);
  });

  test('npm scripts', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const run = /npm run (?:-s |--silent )?([\w:-]+)/g;
    expect(
      wrong(
        ({ text }) => every(run, text),
        (name) => name in scripts,
      ),
    ).toEqual([]);
  });

  test('variables: who sets one is not told that it is unknown', () => {
    expect(wrong(({ text }) => every(/\b(SAGASHIFT_[A-Z_]*[A-Z])\b/g, text), isVariable)).toEqual([]);
  });

  test('metrics, or tables and columns of such names', () => {
    const known = new Set<string>([
      ...Object.values(metricNames),
      ...(read('schema/expected.sql').match(/\w+/g) ?? []),
    ]);
    const isKnown = (name: string) => known.has(name) || known.has(name.replace(/_(bucket|sum|count)$/, ''));
    const named = /(?<![\w:])((?:payment|external_event|data_platform|collect|business)_[a-z_]*[a-z])\b(?!\.)/g;
    expect(wrong(({ text }) => every(named, code(text)), isKnown)).toEqual([]);
  });
});

/** Folders that no clone has. */
const made = ['node_modules', 'coverage', 'dist', 'bin'];

/** A pattern, or a part of a name that tells Jest which files, is there when something begins so. */
function isThere(path: string): boolean {
  if (path.startsWith('bench/results/') || existsSync(join(repository, path))) return true;
  const folder = join(repository, dirname(path));
  if (/\.\w+$/.test(path) || !existsSync(folder)) return false;
  return readdirSync(folder).some((name) => name.startsWith(basename(path)));
}

function leadsSomewhere(link: string, from: Document): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? from.path : join(dirname(from.path), path);
  if (!existsSync(join(repository, target))) return false;
  return (
    heading === undefined ||
    every(/^#+ (.*)$/gm, withoutFences(read(target)))
      .map(anchor)
      .includes(heading)
  );
}

/** As GitHub makes it of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

function isVariable(name: string): boolean {
  try {
    readConfig({ [name]: 'x' });
    return true;
  } catch (error) {
    return !(error as Error).message.includes(`${name}: unknown`);
  }
}
