import { runUntilSignal } from '../runtime/lifecycle.ts';
import { runStart } from './start-command.ts';

process.exitCode = await runStart(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  run: runUntilSignal,
  terminal: process.stdout.isTTY,
  end: () => {
    process.kill(process.pid, 'SIGTERM');
  },
});
