import { runDeadLetters } from './dead-letters-command.ts';

process.exitCode = await runDeadLetters(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
