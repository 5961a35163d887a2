import { runMigrate } from './migrate-command.ts';

process.exitCode = await runMigrate(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
