import { runDeliveryRate } from './delivery-rate-command.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interrupted.abort(new Error('interrupted'))); // the second one kills

process.exitCode = await runDeliveryRate(
  process.argv.slice(2),
  {
    env: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  interrupted.signal,
);
