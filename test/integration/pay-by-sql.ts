export { payLean, paySagas, type Paid } from '../../consistency/self-test/pay-by-sql.ts';
