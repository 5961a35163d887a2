import { createExampleEngine } from '../../docs/example-engine/engine.ts';
import { exercisePaymentEngine } from './payment-engine.contract.ts';

exercisePaymentEngine('example', async (ports) => {
  const engine = createExampleEngine(ports);
  await engine.start();
  return { engine, stop: () => engine.stop() };
});
