import { resolve } from 'node:path';

/** Where the sources are. */
export const repository = resolve(import.meta.dirname, '..');
