import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../../runtime/repository.ts';

/** Compiled code lies one folder below the package it belongs to. */
const file = [repository, dirname(repository)].map((folder) => join(folder, 'package.json')).find(existsSync);

/** Of Sagashift. */
export const version =
  file === undefined ? 'unknown' : (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
