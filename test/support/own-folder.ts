import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

export interface OwnFolder {
  /** Of a file or folder in it; of itself without a name. */
  readonly path: (name?: string) => string;
  /** Answers with the path. */
  readonly write: (name: string, content: string | Buffer) => string;
}

/** A folder that is there while the tests of this file run. Call it once, outside of tests. */
export function ownFolder(prefix: string): OwnFolder {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), `${prefix}-`));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  const path = (name = ''): string => join(directory, name);
  return {
    path,
    write(name, content) {
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}
