import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createDatabase, databaseUrl, dropDatabase } from '../runtime/databases.ts';
import { migrate } from '../runtime/migrate.ts';
import { dumpSchema } from '../runtime/schema-dump.ts';
import { ServicesError, startServices } from '../runtime/services/services.ts';

const usage = `Usage: npm run schema:dump [-- --check]

Writes what the migrations lead to into schema/expected.sql.
  --check  write nothing; exit 1 when the file differs
`;

export interface SchemaDumpIo {
  readonly env: NodeJS.ProcessEnv;
  readonly file: string;
  out(text: string): unknown;
  err(text: string): unknown;
}

/** Returns the exit code: 0 ok, 1 differs, 2 usage, 4 no server to be had. */
export async function runSchemaDump(args: readonly string[], io: SchemaDumpIo): Promise<number> {
  const asked = parse(args);
  if (typeof asked === 'string') {
    io.err(`${asked}\n\n${usage}`);
    return 2;
  }
  if (asked.help === true) {
    io.out(usage);
    return 0;
  }
  try {
    return settle(await dumpOfMigrations(io.env), asked.check === true, io);
  } catch (error) {
    if (!(error instanceof ServicesError)) throw error;
    io.err(`${error.message}\n`);
    return error.exitCode;
  }
}

function parse(args: readonly string[]): { check?: boolean | undefined; help?: boolean | undefined } | string {
  try {
    return parseArgs({ args: [...args], options: { check: { type: 'boolean' }, help: { type: 'boolean' } } }).values;
  } catch (error) {
    return (error as TypeError).message;
  }
}

function settle(dump: string, check: boolean, { file, out }: SchemaDumpIo): number {
  if (!check) {
    writeFileSync(file, dump);
    out(`wrote ${file}\n`);
    return 0;
  }
  const same = readFileSync(file, 'utf8') === dump;
  out(same ? `${file} is up to date\n` : `${file} differs: run \`npm run schema:dump\`\n`);
  return same ? 0 : 1;
}

async function dumpOfMigrations(env: NodeJS.ProcessEnv): Promise<string> {
  const services = await startServices({ kind: 'embedded', env });
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
