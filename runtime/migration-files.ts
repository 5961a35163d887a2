import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './repository.ts';

export interface MigrationFile {
  /** Path in the repository; the key in `schema_migration`. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

const folders = ['base', 'order', 'balance', 'product', 'payment', 'saga', 'every', 'router', 'consistency'];
const first = 'domain/payment-facts.sql'; // Defines the type that the others take.

/** Run once, in this order. */
export const numberedFiles = (): MigrationFile[] =>
  folders
    .flatMap((folder) => sqlIn(`schema/${folder}`).filter((name) => /\/\d{3}_[a-z0-9_]+\.sql$/.test(name)))
    .map(load);

/** Functions beside their steps: run again whenever their text has changed. */
export const repeatableFiles = (): MigrationFile[] =>
  [first, ...['domain', 'eventdriven', 'legacy'].flatMap(sqlIn).filter((name) => name !== first)].map(load);

const sqlIn = (folder: string): string[] =>
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sql'))
    .map((name) => `${folder}/${name}`)
    .sort();

function load(name: string): MigrationFile {
  const sql = readFileSync(join(repository, name), 'utf8');
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}
