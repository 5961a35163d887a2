import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemaOfResult } from './result.ts';

/** `node --import tsx bench/write-schema-main.ts` after a change of `result.ts`; a test compares the two. */
writeFileSync(join(import.meta.dirname, 'result.schema.json'), `${JSON.stringify(jsonSchemaOfResult(), null, 2)}\n`);
