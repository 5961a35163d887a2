export { type DataPlatformOptions, startDataPlatform } from './dataplatform/data-platform.ts';
export { publishDeadLetters } from './delivery/dead-letter-list.ts';
export { countDeadLetters, type DeadLetter, findDeadLetters } from './delivery/dead-letter-sql.ts';
export { startDelivery } from './delivery/delivery-relay.ts';
export { installRoutes } from './delivery/routes.ts';
export { type Choice, NotDeadLetters, settleDeadLetters } from './delivery/settle-dead-letters.ts';
export { countSagas, type SagaCounts } from './operations/count-sagas.ts';
export {
  countLimit,
  findSagas,
  type FoundSagas,
  type ListedSaga,
  type SagaFilter,
  type SagaSelection,
  sagaSelections,
} from './operations/find-sagas.ts';
export { openBooksText } from './operations/open-books.ts';
export { type SagaAction, sagaActions } from './operations/refuse-action.ts';
export { readSagaStory, type SagaStory } from './operations/saga-story.ts';
export { type Settled, settleSagas } from './operations/settle-sagas.ts';
export { startProjector } from './projections/projector.ts';
export { rebuildUserPayments, RebuildUnderWay } from './projections/rebuild.ts';
export { userPaymentsPositions } from './projections/user-payments-sql.ts';
export { createSagaEngine } from './saga/saga-engine.ts';
export { startWorker, type WorkerRole, workerRoles } from './worker.ts';
