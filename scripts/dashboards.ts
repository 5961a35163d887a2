import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writtenFiles } from '../dashboards/src/files.ts';
import { repository } from '../runtime/repository.ts';

for (const { path, content } of writtenFiles()) {
  mkdirSync(dirname(join(repository, path)), { recursive: true });
  writeFileSync(join(repository, path), content);
  process.stdout.write(`${path}\n`);
}
