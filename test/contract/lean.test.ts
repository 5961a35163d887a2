import { createLeanEngine } from '../../legacy/index.ts';
import { exercisePaymentEngine } from './payment-engine.contract.ts';

exercisePaymentEngine('legacy-lean', async (ports) => {
  const engine = createLeanEngine(ports);
  await engine.start();
  return { engine, stop: () => engine.stop() };
});
