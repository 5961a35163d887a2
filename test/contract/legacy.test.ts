import { createLegacyEngine } from '../../legacy/index.ts';
import { exercisePaymentEngine } from './payment-engine.contract.ts';

exercisePaymentEngine('legacy', async (ports) => {
  const engine = createLegacyEngine(ports);
  await engine.start();
  return { engine, stop: () => engine.stop() };
});
