import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createDatabase, databaseUrl, dropDatabase } from '../runtime/databases.ts';
import { migrate } from '../runtime/migrate.ts';
import { repository } from '../runtime/repository.ts';
import { dumpSchema } from '../runtime/schema-dump.ts';
import { startServices } from '../runtime/services/services.ts';

const usage = `Usage: npm run schema:dump [-- --check]

Writes what the migrations lead to into schema/expected.sql.
  --check  write nothing; exit 1 when the file differs`;

const expectedFile = join(repository, 'schema', 'expected.sql');

async function dumpOfMigrations(): Promise<string> {
  const services = await startServices({ kind: 'embedded' });
  const name = `sagashift_schema_dump_${process.pid}`;
  try {
    await createDatabase(services.databaseUrl, name);
    const url = databaseUrl(services.databaseUrl, name);
    await migrate(url);
    return await dumpSchema(url);
  } finally {
    await dropDatabase(services.databaseUrl, name);
    await services.stop();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const dump = await dumpOfMigrations();
  if (values.check === true) {
    const same = readFileSync(expectedFile, 'utf8') === dump;
    console.log(same ? 'schema/expected.sql is up to date' : 'schema/expected.sql differs: run `npm run schema:dump`');
    return same ? 0 : 1;
  }
  writeFileSync(expectedFile, dump);
  console.log('wrote schema/expected.sql');
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const usageFault = error instanceof TypeError && 'code' in error;
  console.error(usageFault ? `${error.message}\n\n${usage}` : error);
  process.exitCode = usageFault ? 2 : error instanceof Error && 'exitCode' in error ? Number(error.exitCode) : 1;
}
