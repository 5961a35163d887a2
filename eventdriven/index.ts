export { type DataPlatformOptions, startDataPlatform } from './dataplatform/data-platform.ts';
export { publishDeadLetters } from './delivery/dead-letter-list.ts';
export { type DeadLetter, findDeadLetters } from './delivery/dead-letter-sql.ts';
export { startDelivery } from './delivery/delivery-relay.ts';
export { installRoutes } from './delivery/routes.ts';
export { type Choice, NotDeadLetters, settleDeadLetters, UnknownEvents } from './delivery/settle-dead-letters.ts';
export { createSagaEngine } from './saga/saga-engine.ts';
export { startWorker, type WorkerRole, workerRoles } from './worker.ts';
