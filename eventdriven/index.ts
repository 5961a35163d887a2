export { type DataPlatformOptions, startDataPlatform } from './dataplatform/data-platform.ts';
export { startDelivery } from './delivery/delivery-relay.ts';
export { createSagaEngine } from './saga/saga-engine.ts';
export { startWorker, type WorkerRole, workerRoles } from './worker.ts';
