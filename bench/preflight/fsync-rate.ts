import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How many commits a second the volume could take one after the other: 8 kB written and fdatasync-ed, as pg_test_fsync does,
 * for 500 ms. Null when the directory can't be written.
 */
export function fdatasyncRate(directory: string, forMs = 500): number | null {
  const file = join(directory, `.fdatasync-${process.pid}`);
  const page = Buffer.alloc(8_192, 1);
  let descriptor: number;
  try {
    descriptor = openSync(file, 'w');
  } catch {
    return null;
  }
  try {
    writeSync(descriptor, page, 0, page.length, 0);
    fdatasyncSync(descriptor);
    const began = performance.now();
    let count = 0;
    while (performance.now() - began < forMs) {
      writeSync(descriptor, page, 0, page.length, 0);
      fdatasyncSync(descriptor);
      count += 1;
    }
    return Math.round(count / ((performance.now() - began) / 1_000));
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
  }
}
