import { writeFileSync } from 'node:fs';
import { jsonSchemaOfResult } from '../bench/result.ts';

/** `node --import tsx scripts/bench-schema.ts`, in the repository, after a change of `bench/result.ts`; a test compares the two. */
writeFileSync('bench/result.schema.json', `${JSON.stringify(jsonSchemaOfResult(), null, 2)}\n`);
