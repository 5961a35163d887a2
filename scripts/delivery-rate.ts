import { runDeliveryRate } from './delivery-rate-command.ts';

process.exitCode = await runDeliveryRate(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
