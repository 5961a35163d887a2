import { announceReady, runUntilSignal } from '../runtime/lifecycle.ts';
import { runService } from './service-command.ts';

process.exitCode = await runService(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  ready: ({ name, url }) => {
    announceReady(name, url);
  },
  run: runUntilSignal,
});
