import { runCanary } from '../router/canary/command.ts';

process.exitCode = await runCanary(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
