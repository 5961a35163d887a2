import { runSchemaDump } from './schema-dump-command.ts';

process.exitCode = await runSchemaDump(process.argv.slice(2), {
  env: process.env,
  file: 'schema/expected.sql',
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
