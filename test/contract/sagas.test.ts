import { createSagaEngine, startWorker } from '../../eventdriven/index.ts';
import { styles } from '../support/workers.ts';
import { exercisePaymentEngine } from './payment-engine.contract.ts';

/** What BullMQ keeps of an empty queue. No job is among it. */
const keptKeys = /:bull:[a-z]+:(meta|events|stalled-check|id)$/;

for (const { style, roles } of styles) {
  exercisePaymentEngine(
    style,
    async (ports) => {
      const worker = await startWorker({ ...ports, roles });
      const engine = createSagaEngine(style, ports);
      await engine.start();
      return {
        engine,
        async stop() {
          await engine.stop();
          await worker.stop();
        },
      };
    },
    { side: 'saga', keptKeys },
  );
}
