// tsc leaves what is not TypeScript behind: SQL, pages, styles, schemas. This copies it beside the compiled code, where
// `import.meta.dirname` looks for it. `node scripts/copy-assets.mjs [OUT]`, default dist.
import { cpSync } from 'node:fs';
import { extname } from 'node:path';

const folders = ['domain', 'runtime', 'legacy', 'eventdriven', 'router', 'consistency', 'bench', 'schema'];
const sources = ['.ts', '.mts', '.mjs', '.md'];
const out = process.argv[2] ?? 'dist';

for (const folder of folders) {
  cpSync(folder, `${out}/${folder}`, {
    recursive: true,
    filter: (path) => path !== 'bench/results' && !sources.includes(extname(path)),
  });
}
