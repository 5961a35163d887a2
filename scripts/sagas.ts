import { runSagas } from './sagas-command.ts';

process.exitCode = await runSagas(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  tty: process.stdout.isTTY,
  interrupted: () => {
    const stop = new AbortController();
    const abort = () => {
      stop.abort();
    };
    process.once('SIGINT', abort).once('SIGTERM', abort); // the second one kills
    process.stdout.on('error', abort); // whoever read along has gone
    return stop.signal;
  },
});
