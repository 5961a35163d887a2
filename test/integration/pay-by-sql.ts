export { payLean, type Paid } from '../../consistency/self-test/pay-at-once.ts';
export { paySagas } from '../../consistency/self-test/pay-sagas.ts';
