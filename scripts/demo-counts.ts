/** What the traffic has seen since it began. */
export interface DemoCounts {
  ordersPlaced: number;
  /** Final answers by side, paid and refused alike. */
  legacy: number;
  saga: number;
  paid: number;
  /** Orders and payments that a rule refused. */
  refused: number;
  /** Still open when the router answered (202). */
  open: number;
  /** 429 and 503. */
  turnedAway: number;
  /** No answer, or one that should not be. */
  failed: number;
  topUps: number;
  /** Left out because too many were in hand. */
  skipped: number;
}

export const emptyCounts = (): DemoCounts => ({
  ordersPlaced: 0,
  legacy: 0,
  saga: 0,
  paid: 0,
  refused: 0,
  open: 0,
  turnedAway: 0,
  failed: 0,
  topUps: 0,
  skipped: 0,
});
