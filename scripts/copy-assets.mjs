// tsc leaves what is not TypeScript behind: SQL, pages, styles, schemas. This copies it beside the compiled code, where
// `import.meta.dirname` looks for it. `node scripts/copy-assets.mjs [OUT]`, default dist. It overwrites nothing: a page's
// script `x.js` would take the place of what `x.ts` was compiled to.
import { cpSync } from 'node:fs';
import { extname } from 'node:path';

const folders = ['domain', 'runtime', 'legacy', 'eventdriven', 'router', 'consistency', 'bench', 'schema'];
const sources = ['.ts', '.mts', '.mjs', '.md'];
const out = process.argv[2] ?? 'dist';

for (const folder of folders) {
  cpSync(folder, `${out}/${folder}`, {
    recursive: true,
    force: false,
    errorOnExist: true,
    filter: (path) => path !== 'bench/results' && !sources.includes(extname(path)),
  });
}
